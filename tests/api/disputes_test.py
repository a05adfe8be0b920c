"""Disputes as the providers tell of them, from the double to the ledger: whatever is taken, kept and given back, and in whatever order and
how often it is told, what our books say the provider holds is what it says itself: disputes_test.py BUILD_FOLDER SEED_FOLDER."""
import sys
import unittest

from at_provider import AtProvider, PayPal, Stripe, minor
from client import ok


class Disputes(AtProvider):
    def disputes(self, payment):
        return ok(self.admin.get(f"/payments/{payment['id']}/disputes")).json["data"]

    def balance(self, invoice):
        return minor(ok(self.customer.get(f"/invoices/{invoice}")).json["balance"])

    def told(self):
        """Everything the provider has to tell, and the time that what waits for an explanation takes."""
        self.deliver()
        self.wait(hours=2)
        self.assert_clearing_is_theirs()

    def unexplained(self):
        return self.installation.rows("SELECT note FROM webhook_events WHERE status = 'waiting'")

    def tasks(self, kind):
        return [task for task in self.everything("/staff-tasks") if task["kind"] == kind and task["status"] == "open"]


class AtStripe(Disputes, unittest.TestCase):
    double_type = Stripe

    def dispute(self, payment, **how):
        intent = ok(self.admin.get(f"/payments/{payment['id']}")).json["gateway_reference"]
        return self.double.ask("/dispute", {"intent": intent, **how})["id"]

    def close(self, dispute, **how):
        self.double.ask("/close_dispute", {"dispute": dispute, **how})

    def test_a_fee_is_kept_or_given_back_or_told_at_the_end_only(self):
        for opened, closed, fee in (({"fee": 1500}, {"won": True, "fee": -1500}, 0), ({"fee": 1500}, {"won": True, "fee": 0}, 1500),
                                    ({"fee": 1500}, {"won": True, "fee": -1000}, 500), ({"fee": 0}, {"won": True, "fee": 700}, 700),
                                    ({"fee": 1500}, {"won": False}, 1500)):
            with self.subTest(opened=opened, closed=closed):
                invoice, payment = self.paid("20.00")
                dispute = self.dispute(payment, **opened)
                self.told()
                self.close(dispute, **closed)
                self.told()
                booked, = self.disputes(payment)
                self.assertEqual((booked["status"], minor(booked["fee"])), ("won" if closed["won"] else "lost", fee))
                self.assertEqual(self.status(invoice), "paid" if closed["won"] else "open")

    def test_what_is_taken_after_it_was_told_counts_when_it_is_taken(self):
        _, payment = self.paid("21.00")
        dispute = self.dispute(payment, withdrawn=False)
        self.deliver()
        self.assertEqual(minor(self.disputes(payment)[0]["fee"]), 0)
        self.double.ask("/withdraw", {"dispute": dispute, "fee": 2000})
        self.told()
        self.assertEqual(minor(self.disputes(payment)[0]["fee"]), 2000, "while it is open")
        self.close(dispute, won=False)
        self.told()

    def test_a_fee_that_comes_back_after_the_dispute_was_won_is_booked(self):
        _, payment = self.paid("22.00")
        dispute = self.dispute(payment)
        self.told()
        events = len(self.double.ask("/webhooks?signature=right"))
        self.close(dispute, won=True, fee=0)
        self.told()
        self.assertGreater(len(self.double.ask("/webhooks?signature=right")), events)
        self.double.ask("/give_fee_back", {"dispute": dispute, "fee": 1500})
        self.told()
        self.assertEqual(minor(self.disputes(payment)[0]["fee"]), 0)

    def test_a_fee_in_the_currency_of_the_payouts_is_booked_in_that(self):
        self.double.ask("/configure", {"payout": "eur"})
        invoice, payment = self.paid("23.00")
        self.assertIn("EUR", self.double.held())
        dispute = self.dispute(payment)
        self.told()
        booked, = self.disputes(payment)
        self.assertEqual((booked["amount"]["currency"], booked["fee"]), ("USD", {"amount": "15.00", "currency": "EUR"}))
        refused = self.admin.post(f"/payments/{payment['id']}/refunds", {"reason": "again", "destination": "gateway"})
        self.assertEqual(refused.code, "refund_exceeds_payment", "the money is away")
        self.close(dispute, won=True)
        self.told()
        self.assertEqual(self.status(invoice), "paid")
        self.double.ask("/configure", {"payout": None})

    def test_an_inquiry_that_closes_is_no_dispute_and_tells_nobody(self):
        _, payment = self.paid("24.00")
        before = (self.installation.folder / "messages.jsonl").read_text().count("dispute")
        inquiry = self.dispute(payment, inquiry=True)
        self.told()
        self.close(inquiry, won=False)
        self.told()
        self.assertEqual((self.disputes(payment), self.unexplained()), ([], []))
        self.assertEqual((self.installation.folder / "messages.jsonl").read_text().count("dispute"), before)


class AtPayPal(Disputes, unittest.TestCase):
    double_type = PayPal

    def capture(self, payment):
        return ok(self.admin.get(f"/payments/{payment['id']}")).json["gateway_reference"]

    def dispute(self, payment, **how):
        return self.double.ask("/dispute", {"capture": self.capture(payment), **how})["dispute_id"]

    def resolve(self, dispute, outcome, **how):
        self.double.ask("/resolve", {"dispute": dispute, "outcome": outcome, **how})

    def test_a_second_dispute_of_a_payment_is_another_one(self):
        invoice, payment = self.paid("12.00")
        first = self.dispute(payment)
        self.told()
        self.resolve(first, "CANCELED_BY_BUYER")
        self.told()
        self.assertEqual(self.status(invoice), "paid")
        second = self.dispute(payment)
        self.told()
        self.resolve(second, "RESOLVED_BUYER_FAVOUR", reverses=True)
        self.told()
        self.assertEqual([(d["reference"], d["status"]) for d in self.disputes(payment)], [(first, "won"), (second, "lost")])
        self.assertEqual((self.status(invoice), self.balance(invoice)), ("open", 1200))

    def test_one_lost_for_less_leaves_only_that_owed(self):
        invoice, payment = self.paid("13.00")
        dispute = self.dispute(payment)
        self.told()
        self.resolve(dispute, "RESOLVED_BUYER_FAVOUR", refunded="4.00")
        self.told()
        self.assertEqual((self.balance(invoice), minor(self.disputes(payment)[0]["amount"])), (400, 400))

    def test_one_that_ends_in_a_refund_is_booked_once_as_that(self):
        for value, together in (("14.00", True), ("6.00", True), ("14.00", False)):
            with self.subTest(value=value, together=together):
                invoice, payment = self.paid("14.00")
                dispute = self.dispute(payment, value=value)
                if not together:
                    self.told()
                self.wait(minutes=5)
                self.resolve(dispute, "ACCEPTED", refunded="5.00", by_refund=True)
                self.told()
                self.told()
                self.assertEqual([d["status"] for d in self.disputes(payment)], ["won"])
                self.assertEqual([minor(r["amount"]) for r in ok(self.admin.get(f"/payments/{payment['id']}/refunds")).json["data"]], [500])
                self.assertEqual(self.status(invoice), "paid")
        self.assertEqual((self.unexplained(), self.tasks("refund_elsewhere")), ([], []))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
