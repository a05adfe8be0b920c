"""Saving a method, alone or while paying, hearing of it and forgetting it: saving_test.py BUILD_FOLDER SEED_FOLDER.

The sandbox behaves as a customer's address says ("anna+decline_final@example.com"); its table is in its README."""
import sys
import time
import unittest
from datetime import datetime, timedelta

from client import log_in, ok
from installation import PASSWORD, Installation
from world import World


def setUpModule():
    global installation, world
    installation = Installation(sys.argv[1], seed=sys.argv[2])
    installation.start()
    world = World(installation)


def tearDownModule():
    world.close()
    installation.stop()
    installation.run("db", "verify")
    installation.remove()


class Customer:
    """A fresh one, whose card behaves as `behaviour` says."""

    def __init__(self, behaviour=None):
        self.email = world.unique("saver") + (f"+{behaviour}" if behaviour else "") + "@example.com"
        ok(world.anonymous.post("/registrations", {
            "name": "Sam Saver", "email": self.email, "password": PASSWORD, "currency": "USD",
            "address": {"street": "1 Elm Street", "city": "Reno", "region": "NV", "postal_code": "89501", "country": "US"}}, key=None))
        self.client = log_in(world.port, self.email, PASSWORD)
        self.account = world.account_of(self.client)

    def start(self, key=True, **fields):
        return self.client.post(f"/accounts/{self.account}/payment-methods", {"gateway": "cards", **fields}, key=key)

    def setup(self, setup):
        return ok(self.client.get(f"/accounts/{self.account}/payment-method-setups/{setup}")).json

    def methods(self):
        return ok(self.client.get(f"/accounts/{self.account}/payment-methods")).json["data"]

    def saved(self):
        """A method that was saved at the gateway's page, and its token there."""
        setup = ok(self.start()).json
        wait(minutes=1)
        method = self.setup(setup["id"])["payment_method"]
        return method, f"tok_success:{setup['id']}"

    def pay(self, amount="20.00", **fields):
        body = {"account_id": self.account, "due_on": "2027-12-01",
                "lines": [{"description": "Work", "unit_price": {"amount": amount, "currency": "USD"}}]}
        invoice = ok(world.admin.post("/invoices", body)).json["id"]
        return self.client.post(f"/invoices/{invoice}/payments", {"gateway": "cards", **fields})


def wait(**span):
    now = datetime.fromisoformat(world.now().replace("Z", "+00:00")) + timedelta(**span)
    ok(world.admin.request("PUT", "/test-clock", {"now": now.strftime("%Y-%m-%dT%H:%M:%SZ")}))


def event(**fields):
    return world.send({"id": world.unique("evt_"), **fields})


class Alone(unittest.TestCase):
    def test_the_customer_is_led_to_a_page_and_the_method_is_saved_once(self):
        customer = Customer()
        setup = ok(customer.start(), 201).json
        self.assertEqual((setup["status"], setup["payment_method"], setup["next_action"]["type"]), ("requires_action", None, "redirect"))
        self.assertEqual(customer.methods(), [])
        wait(minutes=1)
        done = customer.setup(setup["id"])
        method, = customer.methods()
        self.assertEqual((done["status"], done["payment_method"], done["next_action"]), ("succeeded", method["id"], None))
        self.assertEqual((method["label"], method["expires_on"]), ("Test card ending 4242", "2099-12-31"))
        ok(event(type="setup.succeeded", setup=setup["id"], token="tok_success:another", label="Another"))
        self.assertEqual(customer.methods(), [method])
        paid = ok(customer.pay(gateway=None, payment_method=method["id"])).json
        self.assertEqual((paid["status"], paid["payment_method"]), ("succeeded", method["id"]))

    def test_the_webhook_saves_it_before_the_customer_is_back(self):
        customer = Customer()
        setup = ok(customer.start(label="Mine")).json
        ok(event(type="setup.succeeded", setup=setup["id"], token="tok_success:w1", label="Visa ending 1111", expires={"year": 2031, "month": 2}))
        method, = customer.methods()
        self.assertEqual((method["label"], method["expires_on"]), ("Mine", "2031-02-28"))
        wait(days=2)
        self.assertEqual(customer.setup(setup["id"])["payment_method"], method["id"])
        self.assertEqual(customer.methods(), [method])

    def test_a_form_tells_what_to_post(self):
        action = ok(Customer("form").start()).json["next_action"]
        self.assertEqual((action["type"], [f["name"] for f in action["fields"]]), ("form", ["PaReq", "TermUrl"]))

    def test_refusals_are_told(self):
        for behaviour, code in (("decline_final", "stolen_or_lost"), ("decline_soft", "insufficient_funds"), ("refused", "gateway_unreachable")):
            customer = Customer(behaviour)
            setup = ok(customer.start()).json
            self.assertEqual((setup["status"], setup["decline_code"]), ("failed", code))
            self.assertEqual(customer.methods(), [])

    def test_a_page_that_nobody_finishes_ends(self):
        customer = Customer("abandoned")
        setup = ok(customer.start()).json
        self.assertEqual(setup["status"], "requires_action")
        wait(hours=1)
        ended = customer.setup(setup["id"])
        self.assertEqual((ended["status"], ended["decline_code"], ended["next_action"]), ("failed", "authentication_failed", None))

    def test_an_answer_that_got_lost_is_asked_for(self):
        customer = Customer("timeout")
        setup = ok(customer.start()).json
        self.assertEqual(setup["status"], "unknown")
        wait(minutes=1)
        self.assertEqual(customer.setup(setup["id"])["status"], "succeeded")
        self.assertEqual(len(customer.methods()), 1)

    def test_a_card_that_expires_soon_says_when(self):
        customer = Customer("expiring")
        setup = ok(customer.start()).json
        wait(minutes=1)
        customer.setup(setup["id"])
        method, = customer.methods()
        self.assertEqual(method["expires_on"][:7], world.now()[:7])

    def test_the_same_key_begins_one_setup(self):
        customer = Customer()
        first, again = (ok(customer.start(key="setup-1")).json["id"] for _ in range(2))
        self.assertEqual(first, again)
        self.assertEqual(len(ok(customer.client.get(f"/accounts/{customer.account}/payment-method-setups")).json["data"]), 1)

    def test_a_gateway_that_saves_nothing_is_refused(self):
        answer = Customer().start(gateway="bank")
        self.assertEqual((answer.status, answer.pointers), (422, ["/gateway"]))

    def test_others_see_neither_setup_nor_page(self):
        customer, other = Customer(), Customer()
        setup = ok(customer.start()).json["id"]
        for path in (f"/accounts/{customer.account}", f"/accounts/{other.account}"):
            self.assertEqual(other.client.get(f"{path}/payment-method-setups/{setup}").status, 404)


class WaysBack(unittest.TestCase):
    def test_lead_to_no_address_but_ours(self):
        customer = Customer()
        for url in ("https://evil.example.net/", "http://localhost:8080@evil.example.net/", "http://localhost:8080.evil.example.net",
                    "//localhost:8080/x", "javascript:alert(1)"):
            for answer in (customer.start(return_url=url), customer.pay(return_url=url)):
                self.assertEqual((answer.status, answer.pointers), (422, ["/return_url"]), url)
        for answer in (customer.start(return_url="http://localhost:8080/done?x=1", cancel_url="http://localhost:8080/"),
                       customer.pay(return_url="http://localhost:8080/done?x=1")):
            ok(answer, 201)


class WhilePaying(unittest.TestCase):
    def test_the_method_is_saved_with_the_money(self):
        customer = Customer()
        payment = ok(customer.pay(save_method=True)).json
        method, = customer.methods()
        self.assertEqual((payment["status"], payment["saved_method"], payment["payment_method"]), ("succeeded", method["id"], None))
        self.assertIsNone(ok(customer.pay()).json["saved_method"])
        self.assertEqual(len(customer.methods()), 1)

    def test_the_method_comes_with_the_customers_confirmation(self):
        customer = Customer()
        payment = ok(customer.pay("40.03", save_method=True)).json
        self.assertEqual((payment["status"], payment["saved_method"]), ("requires_action", None))
        wait(minutes=1)
        payment = ok(customer.client.get(f"/payments/{payment['id']}")).json
        self.assertEqual((payment["status"], payment["saved_method"]), ("succeeded", customer.methods()[0]["id"]))

    def test_nothing_is_saved_of_a_payment_that_failed_or_was_left(self):
        customer = Customer()
        for amount, ends in (("40.02", "failed"), ("40.08", "failed")):
            payment = ok(customer.pay(amount, save_method=True)).json
            wait(hours=1)
            self.assertEqual(ok(customer.client.get(f"/payments/{payment['id']}")).json["status"], ends, amount)
        self.assertEqual(customer.methods(), [])

    def test_staff_may_pay_but_not_save(self):
        body = {"gateway": "cards", "save_method": True}
        answer = world.billing.post(f"/invoices/{world.invoice()}/payments", body)
        self.assertEqual(answer.status, 403)

    def test_a_gateway_that_keeps_none_is_refused(self):
        answer = Customer().pay(gateway="bank", save_method=True)
        self.assertEqual((answer.status, answer.pointers), (422, ["/save_method"]))


class Later(unittest.TestCase):
    def test_the_gateway_renews_a_card_and_loses_it(self):
        customer = Customer()
        method, token = customer.saved()
        newer = int(datetime.fromisoformat(world.now().replace("Z", "+00:00")).timestamp())
        renewed = {"type": "method.updated", "token": token, "expires": {"year": 2034, "month": 11}}
        ok(event(**renewed, label="Test card ending 5678", at=newer))
        ok(event(**{**renewed, "expires": {"year": 2032, "month": 1}}, label="Test card ending 1234", at=newer - 60))
        found, = customer.methods()
        self.assertEqual((found["label"], found["expires_on"]), ("Test card ending 5678", "2034-11-30"))
        ok(event(type="method.gone", token=token))
        self.assertEqual(customer.methods(), [])

    def test_a_removed_method_is_gone_at_once_and_forgotten_at_the_gateway(self):
        customer = Customer()
        method, token = customer.saved()
        ok(customer.client.request("DELETE", f"/accounts/{customer.account}/payment-methods/{method}"))
        self.assertEqual(customer.methods(), [])
        self.assertEqual(customer.pay(gateway=None, payment_method=method).status, 404)
        for _ in range(200):
            state, kept = installation.rows("SELECT e.state, m.token FROM effects e JOIN payment_methods m ON m.id = e.object_id "
                                            "WHERE e.kind = 'detach' ORDER BY e.id DESC LIMIT 1")[0]
            if state == "done":
                break
            time.sleep(0.05)
        self.assertEqual((state, kept), ("done", ""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
