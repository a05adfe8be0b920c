"""What a provider sends in, from the signature to the books: inbox_test.py BUILD_FOLDER SEED_FOLDER."""
import http.client
import re
import signal
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from client import Client, ok
from installation import Installation
from world import World


def setUpModule():
    global installation, world
    installation = Installation(sys.argv[1], seed=sys.argv[2])
    installation.start()
    world = World(installation)


def tearDownModule():
    world.close()
    installation.remove()


def refusals():
    return sum(one["count"] for one in ok(world.admin.get("/webhook-refusals")).json["data"])


def arrived(minor=2000, currency="USD", **more):
    return {"id": world.unique("evt_"), "type": "payment.succeeded", "reference": world.unique("transfer-"),
            "amount": {"minor": minor, "currency": currency}, **more}


def waiting_payment(amount="40.03"):
    """(invoice, payment): the sandbox sends the customer to a page at this amount."""
    invoice = world.invoice(amount=amount)
    payment = ok(world.owner.post(f"/invoices/{invoice}/payments", {"gateway": "cards"})).json
    assert payment["status"] == "requires_action", payment
    return invoice, payment["id"]


class Signatures(unittest.TestCase):
    def test_what_is_not_genuine_is_counted_and_leaves_nothing_else(self):
        event = arrived()
        before, stored = refusals(), installation.rows("SELECT count(*) FROM webhook_requests")
        for signing in ({"secret": "another"}, {"age": 301}, {"age": -301}):
            answer = world.send(event, **signing)
            self.assertEqual((answer.status, answer.code), (400, "not_genuine"), signing)
        body, headers = world.signed(event)
        for sent, with_headers in (({**body, "amount": {"minor": 1, "currency": "USD"}}, headers), (body, {})):
            self.assertEqual(world.anonymous.request("POST", "/webhooks/cards", sent, headers=with_headers).status, 400)
        self.assertEqual(refusals(), before + 5)
        self.assertEqual(installation.rows("SELECT count(*) FROM webhook_requests"), stored)
        self.assertEqual(installation.rows("SELECT count(*) FROM suspense_items WHERE reference = ?", event["reference"]), [(0,)])
        ok(world.send(event, age=299))
        self.assertEqual(installation.rows("SELECT count(*) FROM suspense_items WHERE reference = ?", event["reference"]), [(1,)])


class Effects(unittest.TestCase):
    def test_a_hundred_duplicates_at_once_pay_once(self):
        invoice, payment = waiting_payment()
        body, headers = world.signed(arrived(4003, payment=payment))

        def one(_):
            client = Client(world.port)
            try:
                return client.request("POST", "/webhooks/cards", body, headers=headers).status
            finally:
                client.close()
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(one, range(100)))
        self.assertEqual(set(statuses), {200})
        found = ok(world.owner.get(f"/invoices/{invoice}")).json
        self.assertEqual((found["status"], len(found["allocations"])), ("paid", 1))
        self.assertEqual(installation.rows("SELECT count(*) FROM webhook_events WHERE event_id = ?", body["id"]), [(1,)])

    def test_less_than_asked_pays_a_part(self):
        invoice, payment = waiting_payment()
        ok(world.send(arrived(1000, payment=payment)))
        found = ok(world.owner.get(f"/invoices/{invoice}")).json
        self.assertEqual((found["status"], found["balance"]["amount"]), ("open", "30.03"))

    def test_another_currency_pays_nothing(self):
        invoice, payment = waiting_payment()
        ok(world.send(arrived(4003, "EUR", payment=payment)))
        found = ok(world.owner.get(f"/invoices/{invoice}")).json
        self.assertEqual((found["status"], found["balance"]["amount"]), ("open", "40.03"))

    def test_money_of_nobody_pays_an_invoice_once_staff_say_whose_it_is(self):
        item, invoice = world.suspense(), world.invoice(amount="20.00")
        assignment = {"account_id": world.account, "invoice_id": invoice}
        done = ok(world.billing.post(f"/suspense-items/{item}/assignment", assignment)).json
        self.assertEqual(done["status"], "assigned")
        self.assertEqual(ok(world.owner.get(f"/invoices/{invoice}")).json["status"], "paid")
        again = world.billing.post(f"/suspense-items/{item}/assignment", assignment)
        self.assertEqual((again.status, again.code), (409, "suspense_not_open"))


class Replay(unittest.TestCase):
    """What was received is read again: by the API, and by the command line when no server holds the store."""

    def newest(self):
        return ok(world.admin.get("/webhook-requests?limit=1")).json["data"][0]["id"]

    def test_what_was_applied_is_applied_no_second_time(self):
        invoice, payment = waiting_payment()
        ok(world.send(arrived(4003, payment=payment)))
        request = self.newest()
        for _ in range(3):
            again = ok(world.billing.post(f"/webhook-requests/{request}/replay")).json
            self.assertEqual((again["status"], [e["status"] for e in again["events"]]), ("done", ["applied"]))
        found = ok(world.owner.get(f"/invoices/{invoice}")).json
        self.assertEqual((found["status"], len(found["allocations"])), ("paid", 1))

    def test_an_event_that_came_too_early_is_placed_once_what_it_is_about_is_there(self):
        early = {"id": world.unique("evt_"), "type": "payment.updated", "reference": world.unique("transfer-")}
        ok(world.send(early))
        request = self.newest()
        self.assertEqual(ok(world.admin.get(f"/webhook-requests/{request}")).json["status"], "waiting")
        ok(world.send(arrived(1500, reference=early["reference"])))
        item = next(one for one in ok(world.billing.get("/suspense-items?limit=200")).json["data"]
                    if one["reference"] == early["reference"])
        ok(world.billing.post(f"/suspense-items/{item['id']}/assignment", {"account_id": world.account}))
        again = ok(world.billing.post(f"/webhook-requests/{request}/replay")).json
        for _ in range(100):  # a worker may have it in hand, because of the money that came
            if again["status"] != "received":
                break
            time.sleep(0.05)
            again = ok(world.admin.get(f"/webhook-requests/{request}")).json
        self.assertEqual(again["status"], "done")

    def test_what_a_killed_server_had_received_is_replayed_by_the_command_line(self):
        global world
        invoice, payment = waiting_payment()
        event = arrived(4003, payment=payment)
        world.close()
        installation.stop()
        installation.start(environment={"BURSAR_FAILPOINT": "webhook.received=kill@1"})
        world = World(installation)
        with self.assertRaises((OSError, http.client.HTTPException)):
            world.send(event)
        self.assertEqual(installation.process.wait(30), -signal.SIGKILL)
        self.assertEqual(installation.rows("SELECT count(*) FROM webhook_events WHERE event_id = ?", event["id"]), [(0,)])
        request = re.search(r"whr_\w+", installation.run("inbox", "list").stdout).group()
        installation.run("inbox", "replay", request)
        installation.run("inbox", "replay", request)
        world.close()
        installation.stop()
        installation.start()
        world = World(installation)
        found = ok(world.owner.get(f"/invoices/{invoice}")).json
        self.assertEqual((found["status"], len(found["allocations"])), ("paid", 1))
        ok(world.send(event))  # the sender, who got no answer, comes again
        self.assertEqual(len(ok(world.owner.get(f"/invoices/{invoice}")).json["allocations"]), 1)


class CommandLine(unittest.TestCase):
    def test_a_request_is_listed_and_shown_beside_the_server(self):
        event = arrived()
        ok(world.send(event))
        request = ok(world.admin.get("/webhook-requests?limit=1")).json["data"][0]["id"]
        self.assertIn(request, installation.run("inbox", "list").stdout)
        self.assertIn(event["id"], installation.run("inbox", "show", request).stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
