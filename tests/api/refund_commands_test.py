"""Requests for refunds, decided from the shell: refund_commands_test.py BUILD_FOLDER SEED_FOLDER."""
import json
import sys
import unittest

from client import ok
from installation import Installation
from operations import usd
from world import World


class RefundCommands(unittest.TestCase):
    def setUp(self):
        self.installation = Installation(sys.argv[1], seed=sys.argv[2])
        self.world = World(self.installation.start())

    def tearDown(self):
        self.world.close()
        self.installation.remove()

    def decide(self, *arguments, code=0):
        """While the server is down, as an operator would whose server does not start."""
        self.world.close()
        self.installation.stop()
        done = self.installation.run("refund", *arguments, "--json", check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.world = World(self.installation.start())
        return json.loads(done.stdout) if code == 0 else done.stderr

    def only_refund(self, payment):
        refund, = ok(self.world.admin.get(f"/payments/{payment}/refunds")).json["data"]
        return refund

    def test_money_sent_from_the_bank_for_a_payment_by_card_is_recorded_as_that(self):
        payment, request = self.world.refund_request()
        done = self.decide("approve", request, "--to", "external", "--gateway", "bank", "--reference", "wire 4711", "--service", "keep")
        self.assertEqual((done["id"], done["status"]), (request, "approved"))
        refund = self.only_refund(payment)
        self.assertEqual((refund["destination"], refund["gateway"], refund["reference"], refund["amount"], refund["status"]),
                         ("external", "bank", "wire 4711", usd("1.00"), "succeeded"))

    def test_what_is_wrong_leaves_the_request_open(self):
        payment, request = self.world.refund_request()
        for options, code, said in ((["--service", "sell"], 2, "--service is keep, cancel or terminate_now"),
                                    (["--to", "moon"], 2, "--to is gateway, credit or external"),
                                    (["--reference", "wire 4711"], 1, "/reference"),
                                    (["--to", "external", "--gateway", "nobody"], 1, "/gateway"),
                                    (["--amount", "99.00"], 1, "/amount: is more than was asked")):
            self.assertIn(said, self.decide("approve", request, *options, code=code))
        self.assertEqual(ok(self.world.admin.get(f"/refund-requests/{request}")).json["status"], "requested")
        self.assertEqual(ok(self.world.admin.get(f"/payments/{payment}/refunds")).json["data"], [])

    def test_a_request_is_declined_with_a_reason_that_the_customer_reads(self):
        _, request = self.world.refund_request()
        self.assertEqual(self.decide("decline", request, "--reason", "The 14 days are over.")["status"], "declined")
        self.assertIn("The 14 days are over.", json.dumps(ok(self.world.owner.get(f"/refund-requests/{request}")).json))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
