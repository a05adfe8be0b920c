"""The real `bursar serve` with a real gateway plugin and a double of its provider, and what a customer and staff do there. The
provider's own book must be what ours says. For tests that are started with BUILD_FOLDER SEED_FOLDER."""
import json
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from client import log_in, ok
from installation import PASSWORD, STAFF, Installation

DOUBLES = Path(__file__).resolve().parent.parent / "doubles"
PORTAL = "http://localhost:8080"


def seconds(instant):
    return int(datetime.fromisoformat(instant.replace("Z", "+00:00")).timestamp())


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Double:
    """A provider's double as a process, and what differs between providers for a test."""
    script = plugin = ""
    off_session = ""  # what the request of an automatic charge shows
    charge_path = ""  # of that request

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="bursar-double.", dir="/tmp"))
        self.process = subprocess.Popen([sys.executable, "-B", str(DOUBLES / self.script), "--folder", str(self.folder)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ports = json.loads(self.process.stdout.readline())
        self.url, self.control = (f"http://127.0.0.1:{ports[name]}" for name in ("provider", "control"))

    def ask(self, path, order=None):
        data = None if order is None else json.dumps(order).encode()
        with urllib.request.urlopen(urllib.request.Request(self.control + path, data=data), timeout=60) as answer:
            return json.loads(answer.read())

    def click(self, url, **form):
        """What the customer's browser does on the provider's page; where it is led."""
        try:
            with urllib.request.build_opener(NoRedirect).open(url, data=urllib.parse.urlencode(form).encode(), timeout=60) as answer:
                raise AssertionError(f"{url} led nowhere: {answer.status}")
        except urllib.error.HTTPError as answer:
            assert answer.code == 303, f"{url} answered {answer.code}"
            return answer.headers["Location"]

    def book(self, what):
        return [entry for entry in self.ask("/book") if entry["what"] == what]

    def posts(self, path):
        return [request for request in self.ask("/requests") if request["method"] == "POST" and re.search(path, request["path"])]

    def charges_sent(self):
        return len(self.posts(self.charge_path))

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Stripe(Double):
    script, plugin, off_session = "stripe_double.py", "stripe", "off_session=true"
    charge_path = "/v1/payment_intents$"
    refund_path, page_path = "/v1/refunds$", "/v1/checkout/sessions$"

    def config(self):
        return f'{{secret_key: sk_test_whole_payment, webhook_secret: whsec_double, api_base: "{self.url}"}}'

    def agree(self, url):
        return self.click(url, act="pay", card="visa")

    def cancel(self, url):
        return self.click(url, act="cancel")

    def happened(self):
        """Stripe tells by itself."""

    def charges(self):
        return [(e["payment"], e["amount"]) for e in self.book("charge")]

    def refunds(self):
        failed = {e["refund"] for e in self.book("refund_failed")}
        return [e["amount"] for e in self.book("refund") if e["refund"] not in failed]

    def fail_refund(self):
        """The last one: the customer's bank sends it back."""
        self.ask("/fail_refund", {"refund": self.book("refund")[-1]["refund"]})

    def held(self):
        return {currency.upper(): minor for currency, minor in self.ask("/balance", {}).items()}

    def forgot(self):
        return len(self.book("detach"))

    def renew(self):
        self.ask("/renew", {"method": self.book("saved")[-1]["method"], "year": 2035})
        return "2035-12-31"

    def tokens(self):
        """Of every method that was saved, charged or forgotten."""
        return set(re.findall(r"\bpm_[A-Za-z0-9]+", json.dumps([self.ask("/requests"), self.ask("/book")])))

    def lose_method(self):
        """Somebody detaches it in Stripe's dashboard."""
        used = urllib.parse.parse_qs(self.posts(self.charge_path)[-1]["body"])["payment_method"][0]
        asked = urllib.request.Request(f"{self.url}/v1/payment_methods/{used}/detach", data=b"", headers={"Authorization": "Bearer sk_test_dashboard"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert answer.status == 200


class PayPal(Double):
    script, plugin, off_session = "paypal_double.py", "paypal", "vault_id"
    charge_path = "/capture$"
    refund_path, page_path = "/refund$", "/v2/checkout/orders$"

    def config(self):
        about, pem = self.ask("/about"), self.folder / "trusted.pem"
        pem.write_text(self.ask("/authority")["pem"])
        pem.chmod(0o600)
        return (f'{{environment: sandbox, client_id: {about["client_id"]}, client_secret: {about["client_secret"]}, '
                f'webhook_id: "{about["webhook_id"]}", api_base: "{self.url}", test_authority: "${{file:{pem}}}"}}')

    def agree(self, url):
        return self.click(url, choice="approve").split("?token=")[0].split("&token=")[0]

    def cancel(self, url):
        return self.click(url, choice="cancel").split("?token=")[0].split("&token=")[0]

    def happened(self):
        """The double's events are made on order: of each order that was approved, and of what was taken and given back."""
        for request in self.ask("/requests"):
            if request["path"] == "/checkoutnow" and request["method"] == "POST":
                order = urllib.parse.parse_qs(request["query"])["token"][0]
                self.ask("/event", {"type": "CHECKOUT.ORDER.APPROVED", "about": "order", "id": order})
        for entry in self.book("capture"):
            self.ask("/event", {"type": "PAYMENT.CAPTURE.COMPLETED", "about": "capture", "id": entry["id"]})
        for entry in self.book("refund"):
            self.ask("/event", {"type": "PAYMENT.CAPTURE.REFUNDED", "about": "refund", "id": entry["id"]})

    def charges(self):
        return [(e["custom_id"], int(Decimal(e["value"]) * 100)) for e in self.book("capture")]

    def refunds(self):
        failed = {e["id"] for e in self.book("refund_failed")}
        return [int(Decimal(e["value"]) * 100) for e in self.book("refund") if e["id"] not in failed]

    def fail_refund(self):
        """The last one: PayPal can't pay it out."""
        self.ask("/fail_refund", {"refund": self.book("refund")[-1]["id"]})

    def held(self):
        """Without fees: the double takes none in what it books."""
        signs = {"capture": 1, "refund": -1, "refund_failed": 1, "dispute": -1, "dispute_back": 1}
        held = {}
        for entry in self.ask("/book"):
            worth = signs.get(entry["what"], 0) * int(Decimal(entry["value"]) * 100)
            held[entry["currency"]] = held.get(entry["currency"], 0) + worth - int(Decimal(entry.get("fee", "0")) * 100)
        return {currency: amount for currency, amount in held.items() if amount}

    def forgot(self):
        return sum(request["method"] == "DELETE" for request in self.ask("/requests"))

    def renew(self):
        """A PayPal account does not expire."""

    def tokens(self):
        """Of every account that was charged by itself or forgotten, and what let the plugin in."""
        bodies = [json.loads(request["body"]) for request in self.posts(self.charge_path) if request["body"]]
        charged = {body.get("payment_source", {}).get("paypal", {}).get("vault_id") for body in bodies} - {None}
        forgotten = {r["path"].rsplit("/", 1)[1] for r in self.ask("/requests") if r["method"] == "DELETE"}
        return charged | forgotten

    def lose_method(self):
        """The customer takes the agreement back at PayPal."""
        used = json.loads(self.posts(self.charge_path)[-1]["body"])["payment_source"]["paypal"]["vault_id"]
        self.ask("/event", {"type": "VAULT.PAYMENT-TOKEN.DELETED", "about": "token", "id": used})


class AtProvider:
    double_type = None
    instance = ""  # more keys of the plugin's instance

    @classmethod
    def setUpClass(cls):
        cls.double = cls.double_type()
        cls.installation = Installation(sys.argv[1], seed=sys.argv[2],
                                        database=f', encryption_keys: ["{secrets.token_hex(32)}"]', log_level="debug",
                                        instances=f"    gate: {{plugin: {cls.double.plugin}, {cls.instance}config: {cls.double.config()}}}\n")
        cls.installation.run("db", "reencrypt")
        cls.start()
        cls.account = ok(cls.customer.get("/me")).json["accounts"][0]["id"]
        cls.go_to(cls.now())

    @classmethod
    def start(cls, **environment):
        cls.installation.start(environment)
        port = cls.installation.port
        cls.admin = log_in(port, STAFF["admin"], PASSWORD)
        cls.customer = log_in(port, "alice@example.com", PASSWORD)

    @classmethod
    def stop(cls):
        cls.customer.close()
        cls.admin.close()
        cls.installation.stop()

    @classmethod
    def tearDownClass(cls):
        cls.stop()
        cls.installation.run("db", "verify")
        cls.installation.remove()
        cls.double.close()

    # What happens.

    @classmethod
    def now(cls):
        return ok(cls.admin.get("/test-clock")).json["now"]

    @classmethod
    def go_to(cls, instant):
        cls.double.ask("/clock", {"now": seconds(instant)})
        ok(cls.admin.request("PUT", "/test-clock", {"now": instant}))

    @classmethod
    def wait(cls, **span):
        later = datetime.fromisoformat(cls.now().replace("Z", "+00:00")) + timedelta(**span)
        cls.go_to(later.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def webhooks(self):
        return f"http://127.0.0.1:{self.installation.port}/api/v1/webhooks/gate"

    def deliver(self, **how):
        self.double.happened()
        told = self.double.ask("/webhooks/deliver", {"url": self.webhooks(), "copies": 2, "order": "shuffled", **how})
        self.assertLessEqual({one["status"] for one in told}, {200})
        return len(told)

    def invoice(self, amount, due_in_days=30):
        due = datetime.fromisoformat(self.now().replace("Z", "+00:00")) + timedelta(days=due_in_days)
        body = {"account_id": self.account, "due_on": due.strftime("%Y-%m-%d"),
                "lines": [{"description": "Server", "unit_price": {"amount": amount, "currency": "USD"}}]}
        return ok(self.admin.post("/invoices", body)).json["id"]

    def pay(self, invoice, **fields):
        return ok(self.customer.post(f"/invoices/{invoice}/payments", {"gateway": "gate", **fields})).json

    def paid(self, amount):
        """An invoice that was paid at the provider's page, and its payment."""
        invoice = self.invoice(amount)
        payment = self.pay(invoice)
        self.double.agree(payment["next_action"]["url"])
        self.wait(minutes=1)
        payment = self.payment(payment["id"])
        self.assertEqual((payment["status"], self.status(invoice)), ("succeeded", "paid"))
        return invoice, payment

    def until(self, reached, what, hours=72):
        """Time passes until it is so."""
        for _ in range(hours * 2):
            if reached():
                return
            self.wait(minutes=30)
        self.fail(what)

    def refund(self, payment, amount, **fields):
        body = {"reason": "asked", "destination": "gateway", "amount": {"amount": amount, "currency": "USD"}, **fields}
        return ok(self.admin.post(f"/payments/{payment}/refunds", body)).json

    def refund_status(self, payment, refund):
        found, = [r for r in ok(self.admin.get(f"/payments/{payment}/refunds")).json["data"] if r["id"] == refund]
        return found["status"]

    def payment(self, payment):
        return ok(self.customer.get(f"/payments/{payment}")).json

    def status(self, invoice):
        return ok(self.customer.get(f"/invoices/{invoice}")).json["status"]

    def methods(self):
        return [m for m in ok(self.customer.get(f"/accounts/{self.account}/payment-methods")).json["data"] if m["gateway"] == "gate"]

    def save(self):
        setup = ok(self.customer.post(f"/accounts/{self.account}/payment-methods", {"gateway": "gate", "return_url": PORTAL + "/cards"})).json
        self.assertEqual((setup["status"], setup["next_action"]["type"]), ("requires_action", "redirect"))
        self.assertEqual(self.double.agree(setup["next_action"]["url"]), PORTAL + "/cards")
        self.wait(minutes=1)
        done = ok(self.customer.get(f"/accounts/{self.account}/payment-method-setups/{setup['id']}")).json
        self.assertEqual(done["status"], "succeeded", done)
        return done["payment_method"]

    def only(self, method):
        """The method is the only one of the account, and charged by itself."""
        for other in ok(self.customer.get(f"/accounts/{self.account}/payment-methods")).json["data"]:
            if other["id"] != method:
                ok(self.customer.request("DELETE", f"/accounts/{self.account}/payment-methods/{other['id']}"))
        ok(self.customer.request("PUT", f"/accounts/{self.account}/autopay", {"enabled": True}))

    def charged_by_itself(self, amount):
        """An invoice that is due now, after the daily run in which it is charged, and the payment that is made."""
        invoice = self.invoice(amount, due_in_days=0)
        self.wait(days=1)
        found = ok(self.customer.get(f"/invoices/{invoice}/payments")).json["data"]
        return invoice, found[-1]

    def assert_books_agree(self):
        """Ours, asked beside the product, against the provider's: payment by payment and refund by refund."""
        codes = {p["id"]: p for p in self.everything("/payments") if p["gateway"] == "gate"}
        ours = sorted((p["id"], minor(p["received"])) for p in codes.values() if p["status"] not in ("failed", "pending", "requires_action"))
        self.assertEqual(ours, sorted(self.double.charges()))
        back = [minor(r["amount"]) for p in codes for r in ok(self.admin.get(f"/payments/{p}/refunds")).json["data"]
                if r["destination"] == "gateway" and r["status"] == "succeeded"]
        self.assertEqual(sorted(back), sorted(self.double.refunds()))
        self.assert_clearing_is_theirs()

    def assert_clearing_is_theirs(self):
        """What the ledger says that the provider holds for us is what the provider says, currency by currency."""
        rows = self.installation.rows("SELECT currency, sum(amount) FROM postings WHERE ledger_account = 'clearing/gate' GROUP BY currency")
        self.assertEqual({currency: amount for currency, amount in rows if amount}, self.double.held())

    def everything(self, path):
        found, cursor = [], ""
        while cursor is not None:
            page = ok(self.admin.get(f"{path}?limit=200" + (f"&cursor={cursor}" if cursor else ""))).json
            found, cursor = found + page["data"], page["next_cursor"]
        return found


def minor(money):
    return int(Decimal(money["amount"]) * 100)
