"""Two servers on one PostgreSQL database, and people who act on the same money through both at the same moment. The gateway
takes 300 ms over each call, so that calls are really under way.

    two_servers.py BUILD_FOLDER [SCHEDULES]

SCHEDULES: how often auto-pay, a customer's click and a webhook meet at one invoice, each with delays of their own. Where there
are more than the few that each build tries they come from a fresh seed, which is printed; BURSAR_CHAOS_SEED=N says it again.
"""
import collections
import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, stores  # noqa: E402
from payments import Desk, assert_paid_once, books_differ, later, opened, prepare, together  # noqa: E402
from refunds import PASSWORD, STAFF, cents, usd  # noqa: E402

FEW = 4


class Pair:
    """Two servers of one installation; `either(n)` is one of them in turn."""

    def __init__(self, books, have):
        self.desks = [Desk(book, have) for book in books]
        self.one, self.store, self.have = self.desks[0], books[0].store, have

    def either(self, n):
        return self.desks[n % 2]

    def acting(self, n, method, path, body, key=None, who="customer"):
        return lambda: self.either(n).server.call(method, path, body, token=self.have[who], key=key)

    def rows(self, sql):
        return self.store.rows(sql)

    def number(self, sql):
        return int(self.rows(sql)[0][0])


def counts(answers):
    return collections.Counter((status, body.get("code", "") if body else "") for status, body in answers)


def race_callbacks(pair):
    """One callback a hundred times, on both servers at once: stored once, with one effect."""
    invoice = pair.one.invoice("40.03", "callback")
    payment = pair.one.pay(invoice, "callback")["id"]
    event = {"id": "evt-hundred", "type": "payment.succeeded", "payment": payment, "reference": "sandbox-" + payment,
             "amount": {"minor": 4003, "currency": "USD"}}
    answers = together([lambda n=n: pair.either(n).tell(event) for n in range(100)])
    assert set(answers) == {200}, collections.Counter(answers)
    assert pair.rows("SELECT status FROM webhook_events WHERE event_id = 'evt-hundred'") == [("applied",)]
    assert_paid_once(pair.one, invoice, 4003)


def race_tabs(pair):
    """Tabs of one customer at both servers pay one invoice: one charge."""
    invoice = pair.one.invoice("20.00", "tabs")
    answers = together([pair.acting(n, "POST", f"/invoices/{invoice}/payments", {"gateway": "cards"}, f"tab-{n}") for n in range(20)])
    seen = counts(answers)
    assert seen[201, ""] == 1, seen
    assert set(seen) <= {(201, ""), (409, "payment_in_flight"), (409, "invoice_not_open")}, seen
    assert_paid_once(pair.one, invoice, 2000)


def race_key(pair):
    """One request fifty times with one key, at both servers: one payment, and whoever is answered is told of it."""
    invoice = pair.one.invoice("20.00", "same")
    path = f"/invoices/{invoice}/payments"
    answers = together([pair.acting(n, "POST", path, {"gateway": "cards"}, "same-key") for n in range(50)])
    seen = counts(answers)
    assert set(seen) <= {(201, ""), (409, "idempotency_key_in_flight")} and seen[201, ""] >= 1, seen
    after = [pair.acting(n, "POST", path, {"gateway": "cards"}, "same-key")() for n in range(2)]
    assert len({body["id"] for status, body in answers + after if status == 201}) == 1, answers[:3]
    assert [status for status, _ in after] == [201, 201], after
    other = pair.acting(1, "POST", path, {"gateway": "bank"}, "same-key")()
    assert other[0] == 422, other
    assert_paid_once(pair.one, invoice, 2000)


def race_credit(pair):
    """Fifty invoices want the same 10.00 of credit, at both servers: together they get 10.00."""
    account = pair.have["customer account"]
    assert credit_of(pair) == 0
    invoices = [pair.one.invoice("3.00", f"credit-{n}") for n in range(50)]
    pair.one.post(f"/accounts/{account}/deposits", {"amount": usd("10.00"), "gateway": "cards"}, "credit")
    answers = together([pair.acting(n, "POST", f"/invoices/{one}/credit", {}, f"use-{n}") for n, one in enumerate(invoices)])
    assert {status for status, _ in answers} <= {200, 201, 409}, counts(answers)
    assert sum(300 - cents(pair.one.get(f"/invoices/{one}")["balance"]) for one in invoices) == 1000
    assert credit_of(pair) == 0


def race_coupon(pair):
    """Fifty orders want the same coupon, which counts once: one gets it."""
    product = new_product(pair, "couponed", "20.00")
    pair.one.post("/promotions", {"code": "ONCE", "percent": "50", "max_uses": 1}, "once", "staff")
    path = f"/accounts/{pair.have['customer account']}/orders"
    body = {"items": [{"product_id": product, "cycle": "1m"}], "promotion_code": "ONCE"}
    answers = together([pair.acting(n, "POST", path, body, f"order-{n}") for n in range(50)])
    seen = counts(answers)
    assert sum(n for (status, _), n in seen.items() if status == 201) == 1, seen
    assert {status for status, _ in seen} <= {201, 409, 422}, seen
    assert pair.number("SELECT uses FROM promotions WHERE code = 'ONCE'") == 1
    assert pair.number("SELECT count(*) FROM services WHERE promotion_id = (SELECT id FROM promotions WHERE code = 'ONCE')") == 1


def race_downgrade(pair):
    """Twenty downgrades of one service, each with a key of its own: one is done, with one credit note."""
    large, small = new_product(pair, "large", "40.00"), new_product(pair, "small", "10.00")
    order = pair.one.post(f"/accounts/{pair.have['customer account']}/orders", {"items": [{"product_id": large, "cycle": "1m"}]}, "large")
    pair.one.pay(order["invoice_id"], "large")
    notes = pair.number("SELECT count(*) FROM credit_notes")
    path = f"/services/{order['service_ids'][0]}/change"
    answers = together([pair.acting(n, "POST", path, {"product_id": small, "when": "immediate"}, f"down-{n}") for n in range(20)])
    seen = counts(answers)
    assert sum(n for (status, _), n in seen.items() if status == 201) == 1, (seen, answers[0])
    assert {status for status, _ in seen} <= {201, 409, 422}, seen
    [done] = [body for status, body in answers if status == 201]
    assert done["status"] == "applied" and 0 < cents(done["credit"]) <= 3000, done
    assert pair.number("SELECT count(*) FROM credit_notes") == notes + 1
    assert credit_of(pair) == cents(done["credit"]), done


def race_confirmation(pair):
    """Staff at both servers confirm one transfer: it is booked once. Its line of the statement then confirms no other."""
    invoices = [pair.one.invoice("20.00", f"transfer-{n}") for n in range(2)]
    first, second = [pair.one.post(f"/invoices/{one}/payments", {"gateway": "bank"}, "by-" + one)["id"] for one in invoices]
    line = {"status": "succeeded", "received": usd("20.00"), "reference": "SEPA-77"}
    answers = together([pair.acting(n, "PATCH", f"/payments/{first}", line, who="staff") for n in range(10)])
    seen = counts(answers)
    assert seen[200, ""] == 1 and set(seen) <= {(200, ""), (409, "payment_not_open")}, seen
    assert_paid_once(pair.one, invoices[0], 2000)
    refused = pair.acting(1, "PATCH", f"/payments/{second}", line, who="staff")()
    assert (refused[0], refused[1]["errors"][0]["pointer"]) == (422, "/reference"), refused
    assert cents(pair.one.get(f"/invoices/{invoices[1]}")["balance"]) == 2000


RACES = (race_callbacks, race_tabs, race_key, race_credit, race_coupon, race_downgrade, race_confirmation)


def new_product(pair, code, price):
    return pair.one.post("/catalog/products", {"code": code, "name": code, "prices": [{"cycle": "1m", "amount": usd(price)}]}, code, "staff")["id"]


def credit_of(pair):
    return sum(cents(one) for one in pair.one.get(f"/accounts/{pair.have['customer account']}/balance")["credit"])


def surplus_of(pair):
    """What payments brought beyond their invoices, ever; auto-pay may have used it since."""
    return pair.number("SELECT coalesce(-sum(p.amount), 0) FROM postings p JOIN journal_entries e ON e.id = p.entry_id WHERE "
                       "e.kind = 'payment_received' AND p.ledger_account = 'customer_credit'")


def spend_credit(pair, number):
    """Auto-pay uses credit before any card; here the cards are to meet."""
    credit = credit_of(pair)
    if credit:
        invoice = pair.one.invoice(f"{credit // 100}.{credit % 100:02}", f"spend-{number}")
        pair.one.post(f"/invoices/{invoice}/credit", {}, f"spend-credit-{number}", expected=200)
    assert credit_of(pair) == 0


def meet(pair, number, dice):
    """Auto-pay charges on the day an invoice is due, while the customer clicks at the other server, and while the gateway tells that
    what they confirmed an hour ago is paid. What the saved card pays is charged at most once; a surplus is credit."""
    account, day = pair.have["customer account"], later(pair.one.now(), 86400)
    invoice = pair.one.invoice("40.03", f"meet-{number}", day[:10])
    waits = pair.one.pay(invoice, f"meet-{number}")["id"]
    spend_credit(pair, number)
    before = surplus_of(pair)
    pair.one.server.must(200, "PUT", f"/accounts/{account}/autopay", {"enabled": True}, token=pair.have["customer"])
    event = {"id": f"evt-meet-{number}", "type": "payment.succeeded", "payment": waits, "reference": "sandbox-" + waits,
             "amount": {"minor": 4003, "currency": "USD"}}

    def tell():
        desk = pair.either(dice.randrange(2))
        status = desk.tell(event)
        # The clock may leap between the signature and its reading: too old by then, and sent again as gateways do.
        return (desk.tell(event) if status == 400 else status), None

    def after(seconds, act):
        def late():
            time.sleep(seconds)  # a schedule, not a wait: whatever the order, the end must be right
            return act()
        return late

    delays = [dice.uniform(0, 0.5) for _ in range(4)]
    click = {"gateway": "cards", "payment_method": pair.have["card"]}
    answers = together([
        after(delays[0], pair.acting(0, "PUT", "/test-clock", {"now": later(day, 20 * 3600)}, who="staff")),
        after(delays[1], pair.acting(1, "POST", f"/invoices/{invoice}/payments", click, f"click-{number}")),
        after(delays[2], tell),
        after(delays[3], pair.acting(0, "POST", f"/invoices/{invoice}/payments", click, f"other-{number}"))])
    assert answers[0][0] == 200 and answers[2][0] == 200, answers
    assert {answers[1][0], answers[3][0]} <= {201, 409}, answers
    pair.one.server.must(200, "PUT", f"/accounts/{account}/autopay", {"enabled": False}, token=pair.have["customer"])
    found = pair.one.get(f"/invoices/{invoice}")
    assert (found["status"], cents(found["balance"])) == ("paid", 0), (delays, found)
    payments = pair.one.get(f"/invoices/{invoice}/payments?limit=100")["data"]
    received = {payment["id"]: cents(payment["received"]) for payment in payments if cents(payment["received"])}
    assert received.get(waits) == 4003, (delays, payments)
    assert len(received) <= 2 and set(received.values()) == {4003}, (delays, payments)
    started = [payment for payment in payments if payment["id"] in pair.store.gateway("cards").payments() and payment["id"] != waits]
    assert len(started) <= 1, (delays, started)
    assert surplus_of(pair) - before == sum(received.values()) - 4003, (delays, received)
    return len(received)


def log_in(pair):
    """Days pass, and no session lasts for ever."""
    for who, email, password in (("staff", STAFF, PASSWORD), ("customer", "paula@example.com", "correct horse battery")):
        pair.have[who] = pair.one.server.must(201, "POST", "/sessions", {"email": email, "password": password})["token"]


def main(build, schedules):
    fresh = random.SystemRandom().randrange(10**9) if schedules > FEW else 20270301
    seed = int(os.environ.get("BURSAR_CHAOS_SEED", fresh))
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="bursar-two.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        books = [opened(build, folder, "one", stores("postgresql", folder))]
        books.append(Book(build, folder / "two", books[0].store))
        text = books[0].config.read_text().replace("settle_after: 6h,", "settle_after: 6h, latency: 300ms,", 1)
        text = text.replace("billing:\n", "billing:\n  downgrade_credit: credit\n", 1)
        text = text.replace("apply_credit_to_open_invoices: true", "apply_credit_to_open_invoices: false")
        for book in books:
            book.config.write_text(text)
        pair = Pair(books, prepare(books[0]))
        pair.have["card"] = pair.one.get(f"/accounts/{pair.have['customer account']}/payment-methods")["data"][0]["id"]
        for race in RACES:
            race(pair)
            print(race.__doc__, flush=True)
        print(f"BURSAR_CHAOS_SEED={seed}", flush=True)
        twice = collections.Counter()
        for number in range(schedules):
            if number % 5 == 0:
                log_in(pair)
            twice[meet(pair, number, dice)] += 1
        log_in(pair)
        print(f"{schedules} schedules; in {twice[2]} of them the surplus became credit", flush=True)
        pair.one.go_to(later(pair.one.now(), 86400))
        differ = books_differ(pair.one, pair.store)
        assert not differ, differ
        for desk in pair.desks:
            assert desk.stop() == 0
        assert not books[0].breaches(), books[0].breaches()
        books[0].run("db", "verify")
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else FEW))
