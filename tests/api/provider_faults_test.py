"""What goes wrong between Bursar and a provider, at the real server with a real plugin and the provider's double, which counts what it
does: a server that is killed in the middle, answers that are lost or too late, and news that overtakes the answer. In the end each charge
and each refund was made once, and the provider's book is ours: provider_faults_test.py BUILD_FOLDER SEED_FOLDER."""
import http.client
import sys
import unittest
from contextlib import suppress

from at_provider import AtProvider, PayPal, Stripe
from client import ok

ACTING = ("begun", "answered", "applying", "settled")
GONE = (OSError, http.client.HTTPException)


class Faults(AtProvider):
    instance = "deadline: 4s, "

    def killed_at(self, point, act):
        """The server is killed at the point, which `act` leads to, and another one starts."""
        process = self.installation.process
        self.stop()
        self.start(BURSAR_FAILPOINT=f"{point}=kill@1")
        process = self.installation.process
        with suppress(*GONE):
            act()
            for _ in range(20):  # effects that nobody waits for
                if process.poll() is not None:
                    break
                self.wait(minutes=1)
        self.assertEqual(process.wait(timeout=30), -9, f"{point} was reached")
        process.stdout.close()
        self.installation.process = None
        self.customer.close()
        self.admin.close()
        self.start()

    def fault(self, kind, path, **how):
        self.double.ask("/faults", [{"fault": kind, "method": "POST", "path": path, **how}])

    def assert_struck(self):
        self.assertEqual(self.double.ask("/faults"), [], "the fault befell a request")

    def saved(self):
        self.only(self.methods()[0]["id"] if self.methods() else self.save())

    def charged_once(self, invoice):
        self.until(lambda: self.status(invoice) == "paid", "the invoice is paid")
        payments = [p for p in ok(self.customer.get(f"/invoices/{invoice}/payments")).json["data"] if p["status"] == "succeeded"]
        self.assertEqual(len(payments), 1)
        self.assertEqual([p for p, _ in self.double.charges()].count(payments[0]["id"]), 1)
        self.assert_books_agree()

    def refunds_of(self, payment):
        return ok(self.admin.get(f"/payments/{payment}/refunds")).json["data"]

    def refunded_once(self, payment):
        self.until(lambda: [r["status"] for r in self.refunds_of(payment)] == ["succeeded"], "the refund is made")
        self.assert_books_agree()

    # Killed.

    def test_a_server_killed_during_a_charge_charges_once(self):
        self.saved()
        for number, point in enumerate(ACTING):
            with self.subTest(point=point):
                invoice = self.invoice(f"3{number}.00", due_in_days=0)
                self.killed_at(f"charge.{point}", lambda: self.wait(days=1))
                self.charged_once(invoice)

    def test_a_server_killed_during_a_refund_refunds_once(self):
        for number, point in enumerate(ACTING):
            with self.subTest(point=point):
                _, payment = self.paid(f"4{number}.00")
                self.killed_at(f"refund.{point}", lambda: self.refund(payment["id"], "7.00"))
                self.refunded_once(payment["id"])

    # Answers that are lost, or come too late.

    def misfortunes(self):
        return (("reset_after_read", {"effect": True}, False), ("reset_after_read", {"effect": False}, True),
                ("delay", {"seconds": 6}, False), ("status", {"status": 502, "body": "<html>", "effect": True}, False))

    def test_a_refund_whose_answer_is_lost_or_late_is_made_once(self):
        for number, (kind, how, again) in enumerate(self.misfortunes()):
            with self.subTest(kind=kind, **how):
                _, payment = self.paid(f"5{number}.00")
                self.fault(kind, self.double.refund_path, **how)
                sent = len(self.double.posts(self.double.refund_path))
                self.refund(payment["id"], "8.00")
                self.refunded_once(payment["id"])
                self.assert_struck()
                self.assertEqual(len(self.double.posts(self.double.refund_path)) - sent, 2 if again else 1, "what was done is not asked for again")

    def test_a_page_whose_answer_is_lost_or_late_is_paid_once(self):
        for number, (kind, how, _) in enumerate(self.misfortunes()):
            with self.subTest(kind=kind, **how):
                invoice = self.invoice(f"6{number}.00")
                self.fault(kind, self.double.page_path, **how)
                payment = self.pay(invoice)
                self.assert_struck()
                self.until(lambda: self.payment(payment["id"])["status"] in ("requires_action", "failed"), "it is known whether there is a page")
                payment = self.payment(payment["id"])
                if payment["status"] == "failed":
                    payment = self.pay(invoice)  # the customer begins again
                self.double.agree(payment["next_action"]["url"])
                self.charged_once(invoice)

    # News that overtake the answer.

    def overtaking(self, path, lost):
        self.fault("told_first", path, url=self.webhooks(), lost=lost)

    def test_news_that_overtake_the_answer_of_a_charge_are_one_charge(self):
        self.saved()
        for number, lost in enumerate((False, True)):
            with self.subTest(lost=lost):
                self.overtaking(self.double.charge_path, lost)
                invoice = self.invoice(f"7{number}.00", due_in_days=0)
                self.wait(days=1)
                self.assert_struck()
                self.charged_once(invoice)

    def test_news_that_overtake_the_answer_of_a_refund_are_one_refund(self):
        for number, lost in enumerate((False, True)):
            with self.subTest(lost=lost):
                _, payment = self.paid(f"8{number}.00")
                self.overtaking(self.double.refund_path, lost)
                self.refund(payment["id"], "9.00")
                self.refunded_once(payment["id"])
                self.assert_struck()

    def test_a_refund_that_fails_after_it_succeeded_is_credit(self):
        _, payment = self.paid("90.00")
        self.refund(payment["id"], "10.00")
        self.refunded_once(payment["id"])
        credit = self.credit()
        self.double.fail_refund()
        self.deliver()
        self.until(lambda: [r["status"] for r in self.refunds_of(payment["id"])] == ["failed"], "its end is known", hours=2)
        self.assertEqual(self.credit() - credit, 1000)
        self.assert_clearing_is_theirs()

    def credit(self):
        rows = self.installation.rows("SELECT coalesce(sum(amount), 0) FROM postings WHERE ledger_account = 'customer_credit' AND currency = 'USD'")
        return -rows[0][0]


class AtStripe(Faults, unittest.TestCase):
    double_type = Stripe

    def test_news_of_a_connected_account_change_nothing(self):
        invoice = self.invoice("11.00")
        payment = self.pay(invoice)
        metadata = {"bursar_payment": payment["id"]}
        self.double.ask("/raw_event", {"event": {
            "id": "evt_of_theirs", "object": "event", "type": "payment_intent.succeeded", "account": "acct_theirs", "created": 1, "livemode": False,
            "api_version": "2026-10-28.endive", "data": {"object": {"id": "pi_theirs", "object": "payment_intent", "status": "succeeded",
                                                                    "amount_received": 1100, "currency": "usd", "metadata": metadata}}}})
        self.deliver()
        self.wait(minutes=1)
        self.assertEqual((self.status(invoice), self.payment(payment["id"])["status"]), ("open", "requires_action"))


class AtPayPal(Faults, unittest.TestCase):
    double_type = PayPal

    def approved(self, amount):
        invoice = self.invoice(amount)
        payment = self.pay(invoice)
        self.double.agree(payment["next_action"]["url"])
        return invoice, payment

    def test_a_server_killed_while_an_approved_payment_is_taken_takes_it_once(self):
        for number, point in enumerate(ACTING):
            with self.subTest(point=point):
                invoice, _ = self.approved(f"2{number}.00")
                self.killed_at(f"complete.{point}", lambda: self.wait(minutes=1))
                self.charged_once(invoice)

    def test_a_capture_whose_answer_is_lost_or_late_takes_once(self):
        for number, (kind, how, again) in enumerate(self.misfortunes()):
            with self.subTest(kind=kind, **how):
                invoice, _ = self.approved(f"1{number}.00")
                self.fault(kind, "/capture$", **how)
                sent = self.double.charges_sent()
                self.charged_once(invoice)
                self.assert_struck()
                self.assertEqual(self.double.charges_sent() - sent, 2 if again else 1)

    def test_news_that_overtake_the_answer_of_a_capture_are_one_payment(self):
        for number, lost in enumerate((False, True)):
            with self.subTest(lost=lost):
                invoice, _ = self.approved(f"9{number}.00")
                self.overtaking("/capture$", lost)
                self.charged_once(invoice)
                self.assert_struck()

    def test_a_capture_over_less_pays_that_much(self):
        self.double.ask("/next_capture", {"value": "5.00"})
        invoice, payment = self.approved("12.00")
        self.until(lambda: self.payment(payment["id"])["status"] == "succeeded", "the payment is there", hours=2)
        stored = ok(self.customer.get(f"/invoices/{invoice}")).json
        self.assertEqual((stored["status"], stored["balance"]["amount"]), ("open", "7.00"))
        self.deliver()
        self.assert_books_agree()

    def test_a_capture_of_another_shop_pays_nothing_and_is_held(self):
        invoice = self.invoice("13.00")
        self.double.ask("/event", {"type": "PAYMENT.CAPTURE.COMPLETED", "resource": {
            "id": "3C679366HH908993F", "status": "COMPLETED", "custom_id": "shop-77", "amount": {"currency_code": "USD", "value": "13.00"}}})
        before = len(self.held_items())
        self.deliver()
        self.assertEqual(self.status(invoice), "open")
        self.assertEqual([i["amount"]["amount"] for i in self.held_items()[before:]], ["13.00"])
        item = self.held_items()[before]
        ok(self.admin.post(f"/suspense-items/{item['id']}/return", {"reason": "of another shop"}))

    def held_items(self):
        return self.everything("/suspense-items")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
