"""Who asks and what there is to ask about: logged-in callers, and makers of fresh objects, all through the public API."""
import hashlib
import hmac
import itertools
import json
import sqlite3
import time
from datetime import datetime

from client import Client, log_in, ok
from installation import PASSWORD, STAFF, WEBHOOK_SECRET

# Alice owns what the requests are about; Ben owns another account.
OWNER, OTHER = "alice@example.com", "ben@example.com"
_numbers = itertools.count(1)


class World:
    def __init__(self, installation):
        self.installation, self.port = installation, installation.port
        self.anonymous = Client(self.port)
        self.broken = Client(self.port, "burs_" + "0" * 40)
        self.owner = log_in(self.port, OWNER, PASSWORD)
        self.other = log_in(self.port, OTHER, PASSWORD)
        self.admin = log_in(self.port, STAFF["admin"], PASSWORD)
        self.billing = log_in(self.port, STAFF["billing"], PASSWORD)
        self.support = log_in(self.port, STAFF["support"], PASSWORD)
        self.account = self.account_of(self.owner)
        self.other_account = self.account_of(self.other)
        self.products = {p["code"]: p["id"] for p in ok(self.admin.get("/catalog/products")).json["data"]}

    def caller(self, name):
        return getattr(self, name)

    @staticmethod
    def account_of(client):
        return ok(client.get("/me")).json["accounts"][0]["id"]

    def now(self):
        return ok(self.admin.get("/test-clock")).json["now"]

    @staticmethod
    def unique(word):
        return f"{word}{next(_numbers)}"

    def whose(self, mine):
        return (self.owner, self.account) if mine else (self.other, self.other_account)

    def invoice(self, mine=True, amount="20.00"):
        """An open invoice, made by hand."""
        body = {"account_id": self.whose(mine)[1], "due_on": "2027-02-01",
                "lines": [{"description": "Consulting", "unit_price": {"amount": amount, "currency": "USD"}}]}
        return ok(self.admin.post("/invoices", body)).json["id"]

    def payment(self, mine=True, gateway="cards"):
        """A payment of a fresh invoice: taken at once by card, waiting for staff by bank transfer."""
        return ok(self.whose(mine)[0].post(f"/invoices/{self.invoice(mine)}/payments", {"gateway": gateway})).json["id"]

    def refund(self):
        payment = self.payment()
        ok(self.admin.post(f"/payments/{payment}/refunds", {"reason": "asked", "amount": {"amount": "1.00", "currency": "USD"}}))
        return payment

    def refund_request(self):
        """A fresh request of the owner's: (payment, request)."""
        payment = self.payment()
        body = {"reason": "not needed", "amount": {"amount": "1.00", "currency": "USD"}}
        return payment, ok(self.owner.post(f"/payments/{payment}/refund-requests", body)).json["id"]

    def disputed(self):
        payment = self.payment()
        body = {"reference": self.unique("dp_"), "status": "opened", "amount": {"amount": "1.00", "currency": "USD"}}
        ok(self.admin.post(f"/payments/{payment}/disputes", body))
        return payment

    def mass_payment(self, gateway="bank"):
        """Two invoices and one transfer that waits for staff."""
        body = {"invoice_ids": [self.invoice(), self.invoice()], "gateway": gateway}
        return ok(self.owner.post(f"/accounts/{self.account}/mass-payments", body)).json["id"]

    def declined_mass_payment(self):
        """The sandbox declines this amount, so that another attempt may be made."""
        body = {"invoice_ids": [self.invoice(amount="40.01")], "gateway": "cards"}
        return ok(self.owner.post(f"/accounts/{self.account}/mass-payments", body)).json["id"]

    def signed(self, event, secret=WEBHOOK_SECRET, age=0):
        """(body, headers) of a webhook of the sandbox, signed `age` seconds ago by the installation's clock."""
        seconds = int(datetime.fromisoformat(self.now().replace("Z", "+00:00")).timestamp()) - age
        text = f"{seconds}.".encode() + json.dumps(event).encode()
        return event, {"Sandbox-Signature": f"t={seconds},v1={hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()}"}

    def send(self, event, **signing):
        body, headers = self.signed(event, **signing)
        return self.anonymous.request("POST", "/webhooks/cards", body, headers=headers)

    def webhook_request(self):
        ok(self.send({"id": self.unique("evt_"), "type": "payment.updated", "payment": self.payment()}))
        return ok(self.admin.get("/webhook-requests?limit=1")).json["data"][0]["id"]

    def suspense(self):
        """Money that names no payment of ours."""
        reference = self.unique("nobody-")
        ok(self.send({"id": self.unique("evt_"), "type": "payment.succeeded", "reference": reference,
                      "amount": {"minor": 2000, "currency": "USD"}}))
        number, = self.installation.rows("SELECT count(*) FROM suspense_items WHERE status = 'open'")[0]
        items, cursor = [], None
        while len(items) < number:
            page = ok(self.admin.get("/suspense-items?status=open&limit=200" + (f"&cursor={cursor}" if cursor else ""))).json
            items, cursor = items + page["data"], page["next_cursor"]
        return next(item["id"] for item in items if item["reference"] == reference)

    def unheld_invoice(self):
        """A new invoice, while nothing is on hold: a customer may hold one thing at a time."""
        for hold in ok(self.admin.get(f"/accounts/{self.account}/holds?limit=200")).json["data"]:
            if hold["status"] == "active":
                ok(self.admin.request("DELETE", f"/holds/{hold['id']}"))
        return self.invoice()

    def hold(self, by="admin"):
        body = {"invoice_id": self.unheld_invoice(), "until": "2027-01-10", "reason": "the bank is closed"}
        return ok(self.caller(by).request("POST", f"/accounts/{self.account}/holds", body)).json["id"]

    def held_run(self):
        """A run that waits for an approval. It takes hundreds of customers to come there, so the store is told."""
        number = 9_000_000 + next(_numbers)
        at = f"2020-01-01T{number % 24:02}:{number // 24 % 60:02}:{number // 1440 % 60:02}Z"
        with sqlite3.connect(self.installation.folder / "book.db", timeout=30) as store:
            store.execute("INSERT INTO scheduler_runs (id, job, scheduled_at, logical_date, status) VALUES (?, 'daily', ?, '2020-01-01', 'held')",
                          (number, at))
            store.execute("INSERT INTO step_checks (run_id, step, kind, objects, reach, verdict, reason, checked_at) "
                          "VALUES (?, 'suspension', 'suspend', 'services', 900, 'held', '900 services', ?)", (number, at))
        store.close()
        return ok(self.admin.get("/scheduler/jobs/daily")).json["held_run"]["id"]

    def task(self, mine=True):
        payment = self.payment(mine, "bank")
        tasks = ok(self.admin.get("/staff-tasks?status=open&limit=200")).json["data"]
        return next(task["id"] for task in tasks if task["object_id"] == payment)

    def credit(self):
        """An open invoice of an account that has credit."""
        body = {"amount": {"amount": "5.00", "currency": "USD"}, "gateway": "cards"}
        ok(self.owner.post(f"/accounts/{self.account}/deposits", body))
        return self.invoice(amount="200.00")

    def method(self, mine=True):
        client, account = self.whose(mine)
        for method in ok(client.get(f"/accounts/{account}/payment-methods")).json["data"][10:]:
            ok(client.request("DELETE", f"/accounts/{account}/payment-methods/{method['id']}"))
        body = {"gateway": "cards", "token": "tok_success", "label": self.unique("Card ")}
        return ok(client.post(f"/accounts/{account}/payment-methods", body)).json["id"]

    def method_setup(self, mine=True):
        """A method that the customer is at the gateway's page to save. Those begun before are given time to end."""
        client, account = self.whose(mine)
        setups = ok(client.get(f"/accounts/{account}/payment-method-setups")).json["data"]
        if sum(setup["status"] == "requires_action" for setup in setups) >= 8:
            for setup in setups:
                ok(self.send({"id": self.unique("evt_"), "type": "setup.declined", "setup": setup["id"]}))
        return ok(client.post(f"/accounts/{account}/payment-methods", {"gateway": "cards"})).json["id"]

    def order(self, mine=True, code="vps-s"):
        client, account = self.whose(mine)
        body = {"items": [{"product_id": self.products[code], "cycle": "monthly"}]}
        return ok(client.post(f"/accounts/{account}/orders", body)).json

    def service(self, mine=True, active=True):
        order = self.order(mine)
        if active:
            self.pay_unless_charged(self.whose(mine)[0], order["invoice_id"])
        return order["service_ids"][0]

    @staticmethod
    def pay_unless_charged(client, invoice):
        """A daily run that another operation has begun may charge it first, once autopay is on."""
        answer = client.post(f"/invoices/{invoice}/payments", {"gateway": "cards"})
        if answer.status != 409:
            ok(answer)
        for _ in range(300):
            if ok(client.get(f"/invoices/{invoice}")).json["status"] == "paid":
                return
            time.sleep(0.1)
        raise AssertionError(f"not paid; its payment was answered {answer!r}")

    def suspended_service(self):
        service = self.service()
        ok(self.admin.post(f"/services/{service}/operations/suspend", {"reason": "abuse"}))
        return service

    def changing_service(self):
        """One whose upgrade waits for its payment."""
        service = self.service()
        ok(self.owner.post(f"/services/{service}/change", {"product_id": self.products["vps-m"]}))
        return service

    def cancelled_service(self, mine=True):
        service = self.service(mine)
        ok(self.whose(mine)[0].request("PUT", f"/services/{service}/cancellation", {"when": "end_of_period"}))
        return service

    def failed_message(self):
        """A message that could not be sent; no gateway to that state but time, so the store is told."""
        message = self.settled_message()
        number, = self.installation.rows("SELECT max(id) FROM messages WHERE account_id IN "
                                         "(SELECT id FROM accounts WHERE email = ?)", OWNER)[0]
        with sqlite3.connect(self.installation.folder / "book.db", timeout=30) as store:
            store.execute("UPDATE messages SET status = 'failed' WHERE id = ?", (number,))
        store.close()
        return message["id"]

    def settled_message(self):
        """The account's newest message, once its sending is over: what comes later would write over the state set here."""
        for _ in range(200):
            message = ok(self.admin.get(f"/accounts/{self.account}/notifications?limit=1")).json["data"][0]
            if message["status"] != "waiting":
                return message
            time.sleep(0.05)
        raise AssertionError(f"still not sent: {message}")

    def product(self):
        body = {"code": self.unique("test-"), "name": "Test product",
                "prices": [{"cycle": "monthly", "amount": {"amount": "1.00", "currency": "USD"}}]}
        return ok(self.admin.post("/catalog/products", body)).json["id"]

    def close(self):
        for name in ("anonymous", "broken", "owner", "other", "admin", "billing", "support"):
            self.caller(name).close()
