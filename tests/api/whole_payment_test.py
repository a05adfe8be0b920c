"""A whole payment with a real gateway plugin and a double of its provider: a method is saved, an invoice is paid by a customer at the
provider's page, another by auto-pay, money goes back, and the method is forgotten. In the end the provider's own book is what
ours says: whole_payment_test.py BUILD_FOLDER SEED_FOLDER."""
import base64
import sys
import time
import unittest

from at_provider import PORTAL, AtProvider, PayPal, Stripe
from client import ok


class WholePayment(AtProvider):
    # Each with an account and a book that the others left.

    def test_1_saved_paid_charged_refunded_and_forgotten(self):
        method = self.save()
        self.deliver()
        self.assertEqual([m["id"] for m in self.methods()], [method], "the webhooks save nothing a second time")

        invoice = self.invoice("40.00")
        payment = self.pay(invoice, return_url=PORTAL + "/done", cancel_url=PORTAL + "/back")
        self.assertEqual(payment["status"], "requires_action")
        self.assertEqual(self.double.cancel(payment["next_action"]["url"]), PORTAL + "/back")
        self.assertEqual(self.status(invoice), "open", "a page that is left pays nothing")
        self.assertEqual(self.double.agree(payment["next_action"]["url"]), PORTAL + "/done")
        self.assertGreater(self.deliver(), 0)
        for _ in range(200):
            if self.status(invoice) == "paid":
                break
            time.sleep(0.05)
        self.assertEqual(self.status(invoice), "paid", "the webhook alone pays, no page has been read")
        self.deliver()
        paid = self.payment(payment["id"])
        self.assertEqual((paid["status"], paid["received"]["amount"], paid["saved_method"]), ("succeeded", "40.00", None))

        if renewed := self.double.renew():
            self.deliver()
            self.assertEqual([m["expires_on"] for m in self.methods()], [renewed])

        self.only(method)
        second, charged = self.charged_by_itself("25.00")
        self.assertEqual((self.status(second), charged["status"], charged["origin"], charged["payment_method"]),
                         ("paid", "succeeded", "autopay", method))
        self.assertTrue(any(self.double.off_session in request["body"] for request in self.double.ask("/requests")))

        for part, left in (("15.00", "partially_refunded"), (None, "refunded")):
            body = {"reason": "asked", "destination": "gateway"}
            if part:
                body["amount"] = {"amount": part, "currency": "USD"}
            ok(self.admin.post(f"/payments/{payment['id']}/refunds", body))
            self.wait(minutes=1)
            self.assertEqual(self.payment(payment["id"])["status"], left)
        self.deliver()
        self.assertEqual(sorted(self.double.refunds()), [1500, 2500])
        self.assert_books_agree()

        ok(self.customer.request("DELETE", f"/accounts/{self.account}/payment-methods/{method}"))
        self.wait(minutes=1)
        self.assertEqual((self.methods(), self.double.forgot()), ([], 1))

    def test_2_a_method_is_saved_while_paying_and_charged_later(self):
        invoice = self.invoice("12.00")
        payment = self.pay(invoice, save_method=True)
        self.double.agree(payment["next_action"]["url"])
        self.wait(minutes=1)
        paid = self.payment(payment["id"])
        self.assertEqual((paid["status"], self.status(invoice)), ("succeeded", "paid"))
        self.deliver()
        method, = self.methods()
        self.assertEqual(paid["saved_method"], method["id"])
        self.only(method["id"])
        second, charged = self.charged_by_itself("13.00")
        self.assertEqual((self.status(second), charged["payment_method"]), ("paid", method["id"]))
        self.assert_books_agree()

    def test_3_an_answer_that_is_lost_during_a_charge_is_found_out_once(self):
        self.only(self.methods()[0]["id"] if self.methods() else self.save())
        for amount, effect in (("31.00", True), ("32.00", False)):
            self.double.ask("/faults", [{"fault": "reset_after_read", "method": "POST", "path": self.double.charge_path, "effect": effect}])
            sent = self.double.charges_sent()
            invoice, payment = self.charged_by_itself(amount)
            self.assertEqual(self.double.ask("/faults"), [], "the fault befell the charge")
            self.assertEqual((self.status(invoice), payment["status"]), ("paid", "succeeded"), (amount, effect))
            self.assertEqual(self.double.charges_sent() - sent, 1 if effect else 2, "what was done is not asked for again")
            self.assertEqual([p for p, _ in self.double.charges()].count(payment["id"]), 1)
        self.deliver()
        self.assert_books_agree()

    def test_4_a_method_that_is_lost_at_the_provider_is_charged_no_more(self):
        self.only(self.methods()[0]["id"] if self.methods() else self.save())
        self.charged_by_itself("5.00")
        self.double.lose_method()
        self.deliver()
        self.assertEqual(self.methods(), [])
        before = len(self.double.charges())
        invoice = self.invoice("6.00", due_in_days=0)
        self.wait(days=1)
        self.assertEqual((self.status(invoice), len(self.double.charges())), ("open", before))

    def test_5_no_token_of_the_gateway_can_be_read_anywhere(self):
        tokens = self.double.tokens()
        self.assertTrue(tokens)
        self.assertTrue(self.installation.rows("SELECT 1 FROM webhook_events WHERE instance = 'gate'"))
        answers = [repr(self.everything(path)) for path in ("/payments", "/staff-tasks", f"/accounts/{self.account}/audit-events",
                                                            f"/accounts/{self.account}/payment-methods")]
        answers.append(self.admin.get("/metrics", base="").body.decode())
        places = {"store": self.installation.stored_bytes().decode("latin-1"), "log": self.installation.log.read_text(),
                  "messages": (self.installation.folder / "messages.jsonl").read_text(), "answers": "".join(answers)}
        found = {(where, form) for token in tokens for form in (token, base64.b64encode(token.encode()).decode())
                 for where, text in places.items() if form in text}
        self.assertEqual(found, set())


class WithStripe(WholePayment, unittest.TestCase):
    double_type = Stripe


class WithPayPal(WholePayment, unittest.TestCase):
    double_type = PayPal


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
