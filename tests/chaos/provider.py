"""The provider whose daily runs are disturbed: the customers of the demonstration and some more, brought to the eve of
days on which every step of the run has something to do. Prepared through the product's commands and its HTTP API.

The runs under test are those of five evenings, 28 January to 1 February 2027: services are cancelled and end, renewals are
invoiced, credit is used, cards are charged (taken, declined for now and for good, answered late or not at all), reminders
and late fees go out, services are suspended and terminated, and charges without an outcome are asked for again.
"""
import http.client
import json
import os
import re
import signal
import subprocess
import sys

EVE = "2027-01-28T12:00:00Z"
UNTIL = "2027-02-02T12:00:00Z"
STAFF, PASSWORD = "staff@example.com", "demo password"
# What must have happened in the runs under test, by step, or they would prove nothing about it.
WORK = {
    "cancellations": {"invoices_adjusted", "services_ended"},
    "invoices": {"invoices"},
    "credit": {"credit_applied"},
    "autopay": {"charges"},
    "reminders": {"reminders"},
    "late_fees": {"late_fees"},
    "suspension": {"suspended"},
    "termination": {"terminated"},
    "reconciliation": {"asked_again"},
}
# How the further customers pay, in turn: the tokens of saved cards in their order, or nothing.
CARDS = ["tok_success", "tok_decline_soft", "tok_delayed", "tok_timeout", None, "tok_success", "tok_decline_final tok_success", "tok_success"]
FEWEST = len(CARDS)


class Server:
    """`bursar serve` on a free port, and a caller of its API."""

    def __init__(self, book, environment=None, through=()):
        command = [*through, str(book.binary), "serve", "--json", "--config", str(book.config)]
        self.log = open(book.folder / "serve.log", "ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bursar serve did not start: {(book.folder / 'serve.log').read_text()[-2000:]}")
        self.port = json.loads(line)["port"]
        self.token = None
        self.keys = 0

    def ask(self, method, path, body=None, source=None, token=None, timeout=300):
        """Status and body; whatever goes wrong on the way is the caller's to handle."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout, source_address=source and (source, 0))
        self.keys += 1
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"chaos-{self.process.pid}-{self.keys}"}
        if token or self.token:
            headers["Authorization"] = f"Bearer {token or self.token}"
        try:
            connection.request(method, "/api/v1" + path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def call(self, method, path, body=None, source=None, token=None):
        status, answer = self.ask(method, path, body, source, token)
        if status >= 300:
            sys.exit(f"{method} {path} answered {status}: {answer}")
        return answer

    def log_in(self):
        self.token = self.call("POST", "/sessions", {"email": STAFF, "password": PASSWORD})["token"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()

    def kill(self):
        for child in [*self._children(), self.process.pid]:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.log.close()

    def _children(self):
        """Of a server that was started through another command, that is the server."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(path) as file:
            return [int(pid) for pid in file.read().split()]


def prepare(book, customers=FEWEST):
    """Leaves `book` at the eve of the runs under test, with `customers` beyond those of the demonstration."""
    logins = book.seed()
    found = re.search(r'password "([^"]+)"', logins), re.search(r"staff\s+(\S+)", logins)
    global STAFF, PASSWORD
    PASSWORD, STAFF = found[0].group(1), found[1].group(1)
    server = Server(book)
    server.log_in()
    product = next(p["id"] for p in server.call("GET", "/catalog/products")["data"] if p["code"] == "vps-s")
    for number in range(customers):
        add_customer(server, product, number, CARDS[number % len(CARDS)])
    server.stop()
    book.run("clock", "advance", "--to", EVE)
    server = Server(book)
    server.log_in()
    cancel(server, "alice@example.com", "immediate")
    cancel(server, "lena@example.com", "end_of_period")
    give_credit(server, "hanna@example.com", "2.00")
    server.stop()


def add_customer(server, product, number, card):
    # A network can register some customers an hour only.
    source = f"127.{1 + number // 5000}.{number // 20 % 250}.{1 + number % 20}"
    email = f"customer{number}@example.net"
    account = server.call("POST", "/registrations", {
        "name": f"Customer {number}", "email": email, "password": PASSWORD, "currency": "USD",
        "address": {"street": "1 Side Street", "city": "Portland", "region": "OR", "postal_code": "97201", "country": "US"}},
        source)["account_id"]
    order = server.call("POST", f"/accounts/{account}/orders", {"items": [{"product_id": product, "cycle": "monthly"}]})
    payment = server.call("POST", f"/invoices/{order['invoice_id']}/payments", {"gateway": "bank"})
    server.call("PATCH", f"/payments/{payment['id']}", {"status": "succeeded"})
    if card:
        own = server.call("POST", "/sessions", {"email": email, "password": PASSWORD}, source)["token"]
        for token in card.split():
            server.call("POST", f"/accounts/{account}/payment-methods", {"gateway": "cards", "token": token, "label": "Test card"}, source, own)
        server.call("PUT", f"/accounts/{account}/autopay", {"enabled": True}, source, own)


def account_of(server, email):
    return next(a["id"] for a in server.call("GET", "/accounts?limit=200")["data"] if a["email"] == email)


def cancel(server, email, when):
    service = server.call("GET", f"/accounts/{account_of(server, email)}/services")["data"][0]
    server.call("PUT", f"/services/{service['id']}/cancellation", {"when": when})


def give_credit(server, email, amount):
    invoices = server.call("GET", f"/accounts/{account_of(server, email)}/invoices?status=paid")["data"]
    server.call("POST", f"/invoices/{invoices[0]['id']}/credit-notes",
                {"reason": "Goodwill", "amount": {"amount": amount, "currency": invoices[0]["balance"]["currency"]}})


def idle_steps(book, since):
    """Steps that had nothing of some kind to do in the runs after `since`."""
    done = {}
    for step, counts in book.store.rows("SELECT s.step, s.counts FROM scheduler_steps s JOIN scheduler_runs r ON r.id = s.run_id "
                                        f"WHERE r.scheduled_at > '{since}'"):
        for name, count in json.loads(counts).items():
            if count > 0:
                done.setdefault(step, set()).add(name)
    return [f"{step} {sorted(wanted - done.get(step, set()))}" for step, wanted in WORK.items() if wanted - done.get(step, set())]
