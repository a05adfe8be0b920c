"""Goal: each amount of each invoice can be recomputed to the minor unit from its explanation alone. Method: a random corpus of orders,
promotions, renewals, upgrades, late fees, credit, retries and bills by hand, in currencies with no, two and three digits, under tax that
is added, contained, not owed and reversed, with invoices that are legal at once and ones that are at payment; and the arithmetic once
more, apart from the product, in fractions."""
import os
import random
import sys
import unittest
from datetime import date, timedelta
from fractions import Fraction

from client import log_in, ok
from installation import PASSWORD, STAFF, Installation

BUILD, DEMO = sys.argv[1:3]
SEED = int(os.environ.get("SEED", "2027"))
DIGITS = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}
TAX = """
tax:
  - {country: DE, name: VAT, rate: "19"}
  - {country: AT, name: VAT, rate: "20", inclusive: true, reverse_charge: true, exemption_reason: reverse charge}
  - {country: US, region: CA, name: Sales tax, rate: "8.625"}
  - {country: CH, name: VAT, rate: "8.1", inclusive: true}
"""
PLACES = [("DE", "BE"), ("AT", ""), ("AT", "tax id"), ("US", "CA"), ("US", "OR"), ("CH", "")]
CYCLES = ["monthly", "quarterly", "one_time"]


def half_up(value):
    """Halves away from zero."""
    sign = -1 if value < 0 else 1
    return sign * int(abs(value) + Fraction(1, 2))


def minor(value, currency=None):
    """Of money, or of a derivation's decimal text."""
    text, currency = (value["amount"], value["currency"]) if isinstance(value, dict) else (value, currency)
    exact = Fraction(text) * 10 ** DIGITS[currency]
    assert exact.denominator == 1, f"{text} {currency} is no whole number of minor units"
    return int(exact)


def unit_price(line):
    inputs, currency = line["derivation"], line["unit_price"]["currency"]

    def amount(name):
        return minor(inputs[name], currency)
    if inputs["from"] == "promotion":
        off = amount("amount") if "amount" in inputs else half_up(amount("of") * Fraction(inputs["percent"]) / 100)
        return -min(off, amount("of"))
    if inputs["from"] == "late_fee":
        return max(half_up(amount("of") * Fraction(inputs["percent"]) / 100), amount("minimum"))
    if inputs["from"] == "proration":
        days, of_days, carried = (int(inputs[name]) for name in ("days", "of_days", "carried"))
        worth = (amount("price") - amount("discount")) * days
        return -((worth + carried) // of_days) if inputs["sign"] == "-" else -((carried - worth) // of_days)
    return amount("price")


def spread(tax, bases, share):
    exact = [base * share for base in bases]
    parts = [value.numerator // value.denominator for value in exact]
    order = sorted(range(len(bases)), key=lambda i: (-(exact[i] - parts[i]), i))
    for i in order[:tax - sum(parts)]:
        parts[i] += 1
    return parts


def recompute(explanation):
    """{line id: (unit price, net, tax)}"""
    out, members = {}, {}
    for line in explanation["lines"]:
        unit = unit_price(line)
        taxable = unit * line["quantity"]
        if line["tax_contained"]:
            contained = Fraction(line["tax_contained"])
            taxable -= half_up(taxable * contained / (100 + contained))
        members.setdefault(line["tax_group"], []).append((line["line_id"], unit, taxable))
    for number, lines in members.items():
        group = explanation["tax_groups"][number]
        rate = Fraction(group["rate"])
        share = rate / (100 + rate) if group["inclusive"] else rate / 100
        tax = half_up(sum(base for _, _, base in lines) * share)
        for (line, unit, base), part in zip(lines, spread(tax, [base for _, _, base in lines], share)):
            out[line] = (unit, base - part if group["inclusive"] else base, part)
    return out


def day(inputs):
    """Of the next automatic charge."""
    def on(name):
        return date.fromisoformat(inputs[name])
    if inputs["from"] == "due_date":
        return max(on("due_on") - timedelta(int(inputs["days_before_due"])), on("not_before"))
    if inputs["from"] == "hold":
        return max(on("was_planned_on"), on("not_before"))
    if inputs["from"] == "put_off":
        return on("looked_on") + timedelta(int(inputs["days"]))
    days = int(inputs["retry_after_days"]) - int(inputs["of_the_round_before"])
    return max(on("round_began_on") + timedelta(days), on("not_before"))


def credited(lines, currency):
    """[(net, tax)] of the lines of a credit note."""
    inputs = [line["derivation"] for line in lines]
    left, tax_left = ([minor(one[name], currency) for one in inputs] for name in ("left", "tax_left"))
    taken = left
    if inputs[0]["from"] == "share":
        total, of = (minor(inputs[0][name], currency) for name in ("credited", "of"))
        taken = spread(total, left, Fraction(total, of))
    taxes = [half_up(Fraction(tax * part, whole)) for tax, part, whole in zip(tax_left, taken, left)]
    return [(part - tax, tax) for part, tax in zip(taken, taxes)]


def allocated(derivation, currency):
    """The least of what is named; of a refund, of what is left of it for this invoice."""
    limits = {name: minor(value, currency) for name, value in derivation.items() if name != "from"}
    if derivation["from"] == "refund":
        return min(limits["had_paid"], limits["refund"] - limits["was_credit"] - limits["of_later_invoices"])
    return min(limits.values())


class Corpus:
    def __init__(self, installation, seed):
        self.random = random.Random(seed)
        self.port = installation.port
        self.admin = log_in(self.port, STAFF["admin"], PASSWORD)
        self.products = [self.product(number) for number in range(6)]
        self.dear = [self.product(number, dear=True) for number in range(6, 8)]
        self.codes = [self.promotion(f"SAVE{number}", terms) for number, terms in
                      enumerate([{"percent": "33.3"}, {"percent": "12.5"}, {"amount": {"amount": "1.01", "currency": "USD"}}])]
        self.customers = [self.customer(number) for number in range(24)]

    def money(self, currency, most=40, least=1):
        """Up to `most` units of the currency; of yen a hundred times as many."""
        digits = DIGITS[currency]
        unit = 10 ** digits if digits else 100
        number = self.random.randrange(least * unit, most * unit)
        text = f"{number // 10 ** digits}" + (f".{number % 10 ** digits:0{digits}}" if digits else "")
        return {"amount": text, "currency": currency}

    def product(self, number, dear=False):
        least, most = (200, 400) if dear else (1, 60)
        prices = []
        for currency in DIGITS:
            for cycle in CYCLES:
                prices.append({"cycle": cycle, "amount": self.money(currency, most, least)})
                if cycle == "monthly" and number % 2:
                    prices[-1]["setup_fee"] = self.money(currency, 5)
        body = {"code": f"corpus-{number}", "name": f"Product {number}", "prices": prices}
        return ok(self.admin.post("/catalog/products", body)).json["id"]

    def promotion(self, code, terms):
        ok(self.admin.post("/promotions", {"code": code, "periods": self.random.choice([0, 1, 2])} | terms))
        return code

    def customer(self, number):
        country, further = PLACES[number % len(PLACES)]
        currency = list(DIGITS)[number // len(PLACES)]
        email = f"corpus{number}@example.com"
        body = {"name": f"Customer {number}", "email": email, "password": PASSWORD, "currency": currency,
                "address": {"street": "1 Elm Street", "city": "Town", "postal_code": "10115", "country": country,
                            "region": further if len(further) == 2 else ""}}
        if further == "tax id":
            body["tax_id"] = "ATU12345678"
        account = ok(self.admin.post("/registrations", body, key=None)).json["account_id"]
        client = log_in(self.port, email, PASSWORD)
        services = []
        for _ in range(self.random.randrange(1, 4)):
            services += self.order(client, account, currency)
        lines = [{"description": "Work", "unit_price": self.money(currency, 9), "quantity": self.random.randrange(1, 40)}
                 for _ in range(self.random.randrange(1, 6))]
        invoice = ok(self.admin.post("/invoices", {"account_id": account, "due_on": "2027-06-01", "lines": lines})).json["id"]
        if number % 3 == 0:
            ok(client.post(f"/accounts/{account}/deposits", {"amount": self.money(currency, 25, 9), "gateway": "cards"}))
            ok(client.post(f"/invoices/{invoice}/credit", {"amount": self.money(currency, 9)}))
        if number % 4 == 1:
            ok(client.post(f"/accounts/{account}/payment-methods", {"gateway": "cards", "token": "tok_decline_soft", "label": "Card"}))
            ok(client.request("PUT", f"/accounts/{account}/autopay", {"enabled": True}))
        if number % 4 == 2:  # in parts, of which some goes back
            client.post(f"/invoices/{invoice}/payments", {"gateway": "cards", "amount": self.money(currency, 9)})
        client.close()
        return email, account, services

    def order(self, client, account, currency):
        items = [{"product_id": self.random.choice(self.products), "cycle": self.random.choice(CYCLES),
                  "quantity": self.random.choice([1, 1, 2, 3])} for _ in range(self.random.randrange(1, 5))]
        order = {"items": items}
        if self.random.random() < 0.7:
            order["promotion_code"] = self.random.choice(self.codes[:3 if currency == "USD" else 2])
        made = ok(client.post(f"/accounts/{account}/orders", order)).json
        if self.random.random() < 0.8:
            ok(client.post(f"/invoices/{made['invoice_id']}/payments", {"gateway": "cards"}))
            return made["service_ids"]
        return []

    def dispute(self, payment, end):
        dispute = {"reference": f"dp_{payment['id']}", "amount": payment["amount"]}
        for status in ("opened", end):
            ok(self.admin.post(f"/payments/{payment['id']}/disputes", dispute | {"status": status}))

    def mid_period(self):
        """Some services change to a dearer product, some end at once, some money goes back, some customers get more time."""
        changed = 0
        for number, (email, account, services) in enumerate(self.customers):
            if number % 8 == 5:
                ok(self.admin.post(f"/accounts/{account}/holds", {"until": "2027-02-05", "reason": "the bank is closed"}))
            client = log_in(self.port, email, PASSWORD)
            for service in services[:2]:
                answer = client.post(f"/services/{service}/change", {"product_id": self.random.choice(self.dear)})
                changed += answer.status < 300
            for service in services[2:3]:
                client.request("PUT", f"/services/{service}/cancellation", {"when": "immediate", "reason": "not needed"})
            paid = [p for p in ok(client.get(f"/accounts/{account}/payments?limit=200")).json["data"] if p["status"] == "succeeded"]
            for payment in paid[:1]:
                half = minor(payment["amount"]) // 2
                digits = DIGITS[payment["amount"]["currency"]]
                text = f"{half // 10 ** digits}" + (f".{half % 10 ** digits:0{digits}}" if digits else "")
                self.admin.post(f"/payments/{payment['id']}/refunds", {
                    "reason": "asked", "amount": {"amount": text, "currency": payment["amount"]["currency"]}})
            for payment in paid[1:2]:
                self.dispute(payment, "lost" if number % 2 else "won")
            for invoice in ok(client.get(f"/accounts/{account}/invoices?limit=200&status=open")).json["data"]:
                if invoice["kind"] == "order" and self.random.random() < 0.7:
                    ok(client.post(f"/invoices/{invoice['id']}/payments", {"gateway": "cards"}))
            client.close()
        return changed

    def explanations(self):
        cursor = ""
        while cursor is not None:
            page = ok(self.admin.get("/invoices?limit=200" + cursor)).json
            for invoice in page["data"]:
                yield invoice, ok(self.admin.get(f"/invoices/{invoice['id']}/explanation")).json
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None


class LegalAtIssue(unittest.TestCase):
    legal = "at_issue"

    @classmethod
    def setUpClass(cls):
        cls.installation = Installation(BUILD, seed=DEMO)
        text = cls.installation.config.read_text()
        for old, new in (("currencies: [USD, EUR]", "currencies: [USD, EUR, JPY, KWD]"),
                         ("apply_credit_to_new_invoices: false", "apply_credit_to_new_invoices: true\n  invoice_becomes_legal: " + cls.legal),
                         ('minimum: {USD: "1.00", EUR: "1.00"}', 'minimum: {USD: "1.00", JPY: "100", KWD: "0.500"}')):
            assert old in text, old
            text = text.replace(old, new)
        cls.installation.config.write_text(text + TAX)
        cls.installation.start()
        cls.corpus = Corpus(cls.installation, SEED)
        cls.go_to("2027-01-12T12:00:00Z")
        cls.changed = cls.corpus.mid_period()
        cls.go_to("2027-03-08T12:00:00Z")
        cls.mid_way = list(cls.corpus.explanations())  # with charges still to be tried again
        cls.go_to("2027-03-20T12:00:00Z")
        cls.found = list(cls.corpus.explanations())

    @classmethod
    def go_to(cls, instant):
        ok(cls.corpus.admin.request("PUT", "/test-clock", {"now": instant}))
        cls.corpus.admin.close()
        cls.corpus.admin = log_in(cls.installation.port, STAFF["admin"], PASSWORD)  # the session may be over by then

    @classmethod
    def tearDownClass(cls):
        cls.corpus.admin.close()
        cls.installation.remove()

    def test_every_line_is_recomputed_to_the_minor_unit(self):
        kinds, sources, seen = set(), set(), set()
        for invoice, explanation in self.found:
            with self.subTest(invoice=invoice["id"], seed=SEED):
                again = recompute(explanation)
                for line in explanation["lines"]:
                    stored = (minor(line["unit_price"]), minor(line["net"]), minor(line["tax"]))
                    self.assertEqual(again[line["line_id"]], stored, line["sentence"])
                    self.assertEqual(minor(line["total"]), stored[1] + stored[2])
                    self.assertEqual(line["steps"][0]["name"], "price")
                    kinds.add(line["kind"])
                    sources.add(line["derivation"]["from"])
                    seen.update(word for word in ("tax_contained", "in_total") if line[word])
                    seen.update([line["unit_price"]["currency"], "out of the total" if not line["in_total"] else ""])
                total = sum(sum(again[line["line_id"]][1:]) for line in explanation["lines"] if line["in_total"])
                self.assertEqual(total, minor(invoice["total"]))
                seen.update(group["category"] for group in explanation["tax_groups"])
        self.assertGreater(len(self.found), 90)
        self.assertGreater(self.changed, 5)
        self.assertLessEqual({"recurring", "one_time", "setup", "discount", "manual", "late_fee", "deposit", "proration"}, kinds)
        self.assertLessEqual({"listed", "agreed", "promotion", "late_fee", "setup_fee", "staff", "customer", "proration"}, sources)
        self.assertLessEqual({"tax_contained", "AE", "JPY", "KWD"}, seen)
        self.assertEqual("out of the total" in seen, self.legal == "at_payment")

    def test_the_balance_is_the_sum_of_what_moved_it(self):
        for invoice, explanation in self.found:
            with self.subTest(invoice=invoice["id"]):
                balance = 0
                for moved in explanation["settlement"]:
                    balance += minor(moved["amount"])
                    self.assertEqual(minor(moved["balance_after"]), balance)
                    self.assertTrue(moved["explanation"])
                self.assertEqual(balance, minor(invoice["balance"]))

    def test_every_allocation_is_the_least_of_what_its_derivation_names(self):
        sources = set()
        for invoice, explanation in self.found:
            for moved in explanation["settlement"]:
                for part in moved["allocations"]:
                    with self.subTest(invoice=invoice["id"], formula=part["formula"]):
                        sources.add(part["derivation"]["from"])
                        self.assertEqual(abs(minor(part["amount"])), allocated(part["derivation"], invoice["currency"]))
        self.assertLessEqual({"credit", "payment", "taken_back", "refund", "dispute"}, sources)

    def test_every_line_of_a_credit_note_is_recomputed_to_the_minor_unit(self):
        sources = set()
        for invoice, explanation in self.found:
            for note in explanation["credit_notes"]:
                with self.subTest(note=note["number"], seed=SEED):
                    again = credited(note["lines"], invoice["currency"])
                    self.assertEqual(again, [(minor(line["net"]), minor(line["tax"])) for line in note["lines"]])
                    self.assertEqual(sum(map(sum, again)), minor(note["total"]))
                sources.update((line["derivation"]["from"], minor(line["tax"]) != 0) for line in note["lines"])
        self.assertLessEqual({("share", True), ("share", False)}, sources)
        self.assertEqual(("whole", True) in sources, self.legal == "at_issue")

    def test_the_day_of_every_charge_and_retry_is_recomputed(self):
        retries, sources = 0, set()
        for invoice, explanation in self.mid_way + self.found:
            upcoming = explanation["next"]
            with self.subTest(invoice=invoice["id"]):
                self.assertEqual(upcoming["charge_derivation"] is None, upcoming["charge_on"] is None)
                if upcoming["charge_on"]:
                    self.assertEqual(day(upcoming["charge_derivation"]).isoformat(), upcoming["charge_on"])
                    sources.add(upcoming["charge_derivation"]["from"])
                for attempt in explanation["autopay_attempts"]:
                    if attempt["retry_on"]:
                        self.assertEqual(day(attempt["retry_derivation"]).isoformat(), attempt["retry_on"])
                        retries += 1
        self.assertGreater(retries, 5)
        self.assertLessEqual({"due_date", "schedule"}, sources)

    def test_a_changed_price_list_changes_no_explanation(self):
        before = [explanation for _, explanation in self.found]
        for product in self.corpus.products:
            prices = [{"cycle": cycle, "amount": self.corpus.money(currency, 99, 98)} for currency in DIGITS for cycle in CYCLES]
            ok(self.corpus.admin.request("PATCH", f"/catalog/products/{product}", {"prices": prices}))
        self.assertEqual([explanation for _, explanation in self.corpus.explanations()], before)


class LegalAtPayment(LegalAtIssue):
    legal = "at_payment"


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
