"""Refunds through the HTTP API of the real binary.

    refunds.py BUILD_FOLDER at_once sqlite|postgresql   fifty people ask, decide and refund one payment at the same moment
    refunds.py BUILD_FOLDER killed sqlite|postgresql [EVERY]
                                                        the server is killed before and after each commit of a request, a
                                                        decision and a staff refund; the same calls again bring the same end
"""
import atexit
import calendar
import collections
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, commits, moved_otherwise, stores  # noqa: E402

STAFF, PASSWORD = "staff@example.com", "correct horse demo 42"
LATER = 2 * 3600  # the clock stands still: unknown outcomes are looked up when it moves


class Gone(Exception):
    """The server died, or never answered."""


class Server:
    def __init__(self, book, environment=None):
        self.process = subprocess.Popen([str(book.binary), "serve", "--listen", "127.0.0.1:0", "--json", "--config", str(book.config)],
                                        stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        atexit.register(self.process.kill)  # a failed test leaves no server that holds its output open
        line = self.process.stdout.readline()
        self.port = json.loads(line)["port"] if line else None  # None: killed while it started

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def call(self, method, path, body=None, token=None, key=None):
        if self.port is None:
            raise Gone
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = "Bearer " + token
        if key:
            headers["Idempotency-Key"] = key
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        except (OSError, http.client.HTTPException) as error:
            raise Gone from error
        finally:
            connection.close()

    def must(self, expected, *call, **options):
        status, answer = self.call(*call, **options)
        assert status == expected, (call[:2], status, answer)
        return answer


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def prepare(book):
    """A product, a customer, an order of it paid by card. Answers what the tests need to go on."""
    book.seed()
    server = Server(book)
    staff = server.must(201, "POST", "/sessions", {"email": STAFF, "password": PASSWORD})["token"]
    product = server.must(201, "POST", "/catalog/products", {
        "code": "refundable", "name": "Refundable", "prices": [{"cycle": "1m", "amount": usd("20.00")}]}, token=staff)["id"]
    registered = server.must(201, "POST", "/registrations", {
        "name": "Rita Refund", "email": "rita@example.com", "password": "correct horse battery", "currency": "USD",
        "address": {"street": "1 Main Street", "city": "Portland", "region": "OR", "postal_code": "97201", "country": "US"}})
    customer = server.must(201, "POST", "/sessions", {"email": "rita@example.com", "password": "correct horse battery"})["token"]
    account = registered["account_id"]
    order = server.must(201, "POST", f"/accounts/{account}/orders", {"items": [{"product_id": product, "cycle": "1m"}]},
                        token=customer, key="order")
    payment = server.must(201, "POST", f"/invoices/{order['invoice_id']}/payments", {"gateway": "cards"}, token=customer, key="pay")
    assert payment["status"] == "succeeded", payment
    server.stop()  # one process at a time holds a SQLite file
    book.run("user", "create-staff", "--email", "sam@example.com", "--name", "Sam", "--role", "support",
             environment={"BURSAR_PASSWORD": "correct horse battery"})
    return {"staff": staff, "customer": customer, "account": account, "payment": payment["id"], "invoice": order["invoice_id"]}


def settle(server, have):
    """Lets time pass until every refund has its last word."""
    for _ in range(5):
        refunds = server.must(200, "GET", f"/payments/{have['payment']}/refunds?limit=200", token=have["staff"])["data"]
        if all(r["status"] in ("succeeded", "failed") for r in refunds):
            return refunds
        time.sleep(0.5)
    now = server.must(200, "GET", "/test-clock", token=have["staff"])["now"]
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds(now) + LATER))
    server.must(200, "PUT", "/test-clock", {"now": then}, token=have["staff"])
    return server.must(200, "GET", f"/payments/{have['payment']}/refunds?limit=200", token=have["staff"])["data"]


def seconds(instant):
    return calendar.timegm(time.strptime(instant, "%Y-%m-%dT%H:%M:%SZ"))


def cents(money):
    return int(money["amount"].replace(".", ""))


def gateway_wrongs(book, expected):
    """What the gateway's own book says otherwise: money moved once for each payment and refund, and so much was given back."""
    theirs = book.store.gateway("cards")
    given = theirs.refunded()
    return theirs.faults() + moved_otherwise(book) + ([f"the gateway gave back {given}, not {expected}"] if given != expected else [])


def who_may(server, have):
    """Support looks and does not touch; strangers see nothing; a customer asks and does not decide."""
    support = server.must(201, "POST", "/sessions", {"email": "sam@example.com", "password": "correct horse battery"})["token"]
    stranger = server.must(201, "POST", "/sessions", {"email": "alice@example.com", "password": PASSWORD})["token"]
    asks = f"/payments/{have['payment']}/refund-requests"
    assert server.call("POST", asks, {"reason": "x"}, token=support, key="s")[0] == 403
    assert server.call("POST", asks, {"reason": "x"}, token=stranger, key="s")[0] == 404
    request = server.must(201, "POST", asks, {"reason": "Too slow"}, token=have["customer"], key="ask")
    decision = f"/refund-requests/{request['id']}/decision"
    for token, status in ((support, 403), (have["customer"], 403), (stranger, 404), (None, 401)):
        assert server.call("PUT", decision, {"decision": "approve"}, token=token)[0] == status, status
    assert server.must(200, "GET", "/refund-requests", token=stranger)["data"] == []
    assert [r["id"] for r in server.must(200, "GET", "/refund-requests", token=have["customer"])["data"]] == [request["id"]]
    assert [r["id"] for r in server.must(200, "GET", "/refund-requests?status=requested", token=support)["data"]] == [request["id"]]
    verdict = request["verdict"]
    assert verdict["eligible"] and {c["name"] for c in verdict["conditions"]} >= {"window", "first_term", "gateway"}, verdict
    tasks = server.must(200, "GET", "/staff-tasks?status=open", token=have["staff"])["data"]
    assert [t["object_id"] for t in tasks if t["kind"] == "refund_request"] == [request["id"]], tasks
    withdrawn = server.must(200, "DELETE", f"/refund-requests/{request['id']}", token=have["customer"])
    assert withdrawn["status"] == "withdrawn"
    bad = server.call("POST", asks, {"reason": "", "amount": usd("1.00")}, token=have["customer"], key="bad")
    assert bad[0] == 422 and bad[1]["errors"][0]["pointer"] == "/reason", bad


def at_once(build, kind):
    with tempfile.TemporaryDirectory(prefix="bursar-refunds.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "book").mkdir(mode=0o755)
        book = Book(build, folder / "book", stores(kind, folder)("book"))
        have = prepare(book)
        server = Server(book)
        who_may(server, have)
        seen, errors, lock = collections.Counter(), [], threading.Lock()
        start = threading.Barrier(50)

        def note(what, answer):
            with lock:
                seen[what, answer[0]] += 1
                if answer[0] not in (200, 201, 409):
                    errors.append((what, answer))

        def one(number):
            start.wait()
            payment, staff = f"/payments/{have['payment']}", have["staff"]
            if number % 3 == 0:
                answer = server.call("POST", payment + "/refund-requests", {"reason": "Too slow", "amount": usd("6.00")},
                                     token=have["customer"], key=f"ask{number}")
                note("request", answer)
                if answer[0] == 201:
                    note("decide", server.call("PUT", f"/refund-requests/{answer[1]['id']}/decision", {"decision": "approve"}, token=staff))
            else:
                where = "gateway" if number % 3 == 1 else "credit"
                note(where, server.call("POST", payment + "/refunds", {"reason": "goodwill", "amount": usd("3.00"), "destination": where},
                                        token=staff, key=f"refund{number}"))

        threads = [threading.Thread(target=one, args=(n,)) for n in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(kind, dict(seen), flush=True)
        assert not errors, errors[:3]
        refunds = settle(server, have)
        payment = server.must(200, "GET", f"/payments/{have['payment']}", token=have["staff"])
        given = sum(cents(r["amount"]) for r in refunds if r["status"] != "failed")
        assert all(r["status"] == "succeeded" for r in refunds), refunds
        assert given == cents(payment["refunded"]) <= cents(payment["received"]) == 2000, (given, payment)
        assert given > 1400, "the rest is less than the largest sum that was asked for"
        credit = sum(cents(m) for m in server.must(200, "GET", f"/accounts/{have['account']}/balance", token=have["customer"])["credit"])
        assert credit == sum(cents(r["amount"]) for r in refunds if r["destination"] == "credit"), credit
        ledger = server.must(200, "GET", f"/accounts/{have['account']}/ledger?limit=200", token=have["customer"])["data"]
        assert all(e["explanation"] and all(p["explanation"] for p in e["postings"]) for e in ledger), ledger
        assert server.stop() == 0
        back = sum(cents(r["amount"]) for r in refunds if r["destination"] == "gateway")
        assert not gateway_wrongs(book, back), gateway_wrongs(book, back)
        assert not book.breaches(), book.breaches()
        book.run("db", "verify")
        print(f"{kind}: {len(refunds)} refunds of {given} cents together, of 2000 received")


def script(server, have):
    """A request approved in part, then a refund by staff of what is left, each safe to say again."""
    asks = f"/payments/{have['payment']}/refund-requests"
    request = server.must(201, "POST", asks, {"reason": "Too slow"}, token=have["customer"], key="ask")
    server.must(200, "PUT", f"/refund-requests/{request['id']}/decision", {"decision": "approve", "amount": usd("12.00")},
                token=have["staff"])
    server.must(201, "POST", f"/payments/{have['payment']}/refunds", {"reason": "goodwill"}, token=have["staff"], key="rest")
    return settle(server, have)


END = {
    "payments": "SELECT status, received, refunded FROM payments WHERE id = (SELECT payment_id FROM refund_requests)",
    "refunds": "SELECT destination, status, amount, CASE WHEN request_id IS NULL THEN '' ELSE 'requested' END FROM refunds",
    "requests": "SELECT status, eligible, CASE WHEN refund_id IS NULL THEN '' ELSE 'refunded' END FROM refund_requests",
    "credit notes": "SELECT number, net, tax FROM credit_notes",
    "postings": "SELECT e.kind, p.ledger_account, p.amount FROM postings p JOIN journal_entries e ON e.id = p.entry_id",
    "credit": "SELECT currency, amount FROM credit_balances WHERE amount <> 0",
    "services": "SELECT status, coalesce(next_due_on, ''), coalesce(cancel_on, '') FROM services",
    "tasks": "SELECT kind, status FROM staff_tasks",
    "messages": "SELECT template, recipient FROM messages",
    "effects": "SELECT kind, state FROM effects WHERE kind = 'refund'",
}


def end_of(store):
    return {name: sorted(store.rows(sql)) for name, sql in END.items()}


def killed(build, kind, every):
    with tempfile.TemporaryDirectory(prefix="bursar-refunds.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        make = stores(kind, folder)

        def book(name):
            return Book(build, folder / name, make(name))

        before = book("before")
        have = prepare(before)
        calm = book("calm")
        calm.store.copy_from(before.store)
        counter = folder / "commits"
        server = Server(calm, {"BURSAR_FAILPOINT_COUNT": str(counter)})
        script(server, have)
        assert server.stop() == 0
        expected, total = end_of(calm.store), commits(counter)
        assert [row[1] for row in expected["refunds"]] == ["succeeded"] * 2, expected
        assert not gateway_wrongs(calm, 2000), gateway_wrongs(calm, 2000)
        assert total >= 6, total
        victim, tried, failures = book("victim"), 0, 0
        for point in ("before_commit", "after_commit"):
            for n in range(1, total + 1, every):
                victim.store.copy_from(before.store)
                server = Server(victim, {"BURSAR_FAILPOINT": f"{point}=kill@{n}"})
                try:
                    script(server, have)
                except Gone:
                    pass
                code = server.stop() if server.process.poll() is None else server.process.wait()
                server = Server(victim)
                script(server, have)
                assert server.stop() == 0
                found = end_of(victim.store)
                wrong = [f"{k}: {expected[k]} became {found[k]}" for k in expected if expected[k] != found[k]]
                wrong += [str(breach) for breach in victim.breaches()]
                wrong += gateway_wrongs(victim, 2000)
                verified = victim.run("db", "verify", check=False)
                if verified.returncode != 0:
                    wrong.append(verified.stdout[-500:])
                tried += code == -signal.SIGKILL
                if wrong:
                    failures += 1
                    print(f"FAIL {point} {n}: " + "\n  ".join(wrong), flush=True)
        print(f"{kind}: killed {tried} times at {total} commits, {failures} ended otherwise than the undisturbed server")
        sys.exit(1 if failures or tried < total // every else 0)


if __name__ == "__main__":
    if sys.argv[2] == "at_once":
        at_once(sys.argv[1], sys.argv[3])
    else:
        killed(sys.argv[1], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 1)
