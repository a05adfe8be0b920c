"""What the operator sees: health, metrics, limits and logs, also while the store is away: operation_test.py BUILD_FOLDER SEED_FOLDER."""
import json
import re
import sys
import tempfile
import threading
import time
import unittest

from client import Client, log_in, ok
from cluster import Cluster
from installation import PASSWORD, STAFF, Installation
from operations import usd
from world import OWNER, World


def plain(client, path):
    return client.get(path, base="")


def metrics(client, **headers):
    """{'name{labels}': number}, after a look at the format of every line."""
    answer = client.get("/metrics", base="", headers=headers)
    assert answer.status == 200, answer
    found, described = {}, set()
    for line in answer.body.decode().splitlines():
        comment = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line)
        sample = re.fullmatch(r'([a-z_]+)(\{[a-z_]+="[^"\n]*"(?:,[a-z_]+="[^"\n]*")*\})? (-?[0-9]+(?:\.[0-9]+)?)', line)
        assert comment or sample, f"no line of the Prometheus text format: {line!r}"
        if comment:
            described.add(comment.group(2))
            continue
        name = re.sub(r"_(bucket|sum|count)$", "", sample.group(1))
        assert name in described or sample.group(1) in described, f"{line!r} is not described"
        assert line.rsplit(" ", 1)[0] not in found, f"{line!r} is told twice"
        found[line.rsplit(" ", 1)[0]] = float(sample.group(3))
    return found


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.installation = Installation(sys.argv[1], seed=sys.argv[2])
        cls.installation.start()
        cls.world = World(cls.installation)

    @classmethod
    def tearDownClass(cls):
        cls.world.close()
        cls.installation.remove()

    def test_waiting_work_is_counted_with_its_age(self):
        before = metrics(self.world.anonymous)
        self.assertEqual(before["bursar_store_up"], 1)
        waiting = 'bursar_staff_tasks_open{kind="confirm_payment"}'
        self.world.payment(gateway="bank")
        self.assertEqual(metrics(self.world.anonymous)[waiting], before.get(waiting, 0) + 1)
        # The sandbox takes this amount and never answers: nobody knows, until it is asked again.
        unknown = 'bursar_payments_unknown{gateway="cards"}'
        self.assertEqual(before.get(unknown, 0), 0)
        invoice = self.world.invoice(amount="40.05")
        payment = ok(self.world.owner.post(f"/invoices/{invoice}/payments", {"gateway": "cards"})).json
        self.assertEqual(payment["status"], "unknown")
        found = metrics(self.world.anonymous)
        self.assertEqual(found[unknown], 1)
        self.assertGreaterEqual(found['bursar_payments_unknown_oldest_seconds{gateway="cards"}'], 0)
        self.assertEqual(sum(v for k, v in found.items() if k.startswith('bursar_effects{kind="charge"')), 1)
        ok(self.world.admin.request("PUT", "/test-clock", {"now": "2027-01-03T12:00:00Z"}))
        found = metrics(self.world.anonymous)
        self.assertEqual(found.get(unknown, 0), 0)
        self.assertGreater(found['bursar_staff_tasks_oldest_seconds{kind="confirm_payment"}'], 86_400)
        self.assertLess(found['bursar_run_last_done_age_seconds{job="daily"}'], 2 * 86_400)

    def test_requests_are_counted_by_route_and_status(self):
        answers = 'bursar_answers_total{route="GET /accounts/{account}",status="%d"}'
        before = metrics(self.world.anonymous)
        ok(self.world.owner.get(f"/accounts/{self.world.account}"))
        self.world.other.get(f"/accounts/{self.world.account}")
        after = metrics(self.world.anonymous)
        for status in (200, 404):
            self.assertEqual(after[answers % status] - before.get(answers % status, 0), 1)
        self.assertGreater(after["bursar_http_connections"], 0)
        self.assertEqual(after["bursar_http_queue_waiting"], 0)

    def test_the_log_bears_the_request_and_no_address(self):
        marked = "req-of-this-test"
        self.world.owner.get(f"/accounts/{self.world.account}?x=secretive", headers={"X-Request-Id": marked})
        lines = [json.loads(line) for line in self.installation.log.read_text().splitlines()]
        mine = [line for line in lines if line.get("request_id") == marked and line["event"] == "request"]
        self.assertEqual([(line["route"], line["status"], line["method"]) for line in mine], [("/accounts/{account}", 422, "GET")])
        self.assertNotIn("secretive", self.installation.log.read_text())

    def test_an_answer_names_its_request_id(self):
        for sent, kept in (("abc-1.2_3", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("<script>", False), ("", False)):
            answer = self.world.anonymous.get("/me", headers={"X-Request-Id": sent})
            self.assertEqual(answer.header("X-Request-Id") == sent, kept, sent)
            self.assertTrue(answer.header("X-Request-Id"))
            self.assertEqual(answer.json["request_id"], answer.header("X-Request-Id"))


class Preview(unittest.TestCase):
    def test_the_command_line_foresees_what_the_api_foresees(self):
        installation = Installation(sys.argv[1], seed=sys.argv[2])
        try:
            installation.start()
            staff = log_in(installation.port, STAFF["admin"], PASSWORD)
            now = ok(staff.get("/test-clock")).json["now"]
            at = f"{int(now[:4]) + 1}{now[4:]}"  # a year: every kind of act is among it
            told = ok(staff.post("/scheduler/preview", {"at": at})).json
            staff.close()
            installation.stop()
            lines = [json.loads(line) for line in installation.run("preview", "--at", at, "--json").stdout.splitlines()]
            text = installation.run("preview", "--at", at).stdout
        finally:
            installation.remove()
        found = {key: [line for line in lines if key in line] for key in ("job", "invoice", "charge", "mail", "suspend", "terminate")}
        self.assertEqual([line["date"] for line in found["job"]], [run["date"] for run in told["runs"]])
        money = lambda m: f"{m['amount']} {m['currency']}"  # noqa: E731
        self.assertEqual([(line["total"], line["due_on"]) for line in found["invoice"]],
                         [(money(i["total"]), i["due_on"]) for i in told["invoices"]])
        self.assertEqual([line["amount"] for line in found["charge"]], [money(c["amount"]) for c in told["charges"]])
        self.assertEqual([(line["mail"], line["recipient"]) for line in found["mail"]],
                         [(m["template"], m["recipient"]) for m in told["mails"]])
        for key, kind in (("suspend", "suspensions"), ("terminate", "terminations")):
            self.assertEqual([line[key] for line in found[key]], [s["service_id"] for s in told[kind]])
            self.assertTrue(told[kind], f"no {kind} to compare")
        self.assertTrue(told["invoices"] and told["charges"])
        for account in {s["account_id"] for s in told["suspensions"]}:
            self.assertIn(f"({account})", text)


class Readers(unittest.TestCase):
    def test_what_is_read_by_key_does_not_wait_for_workers(self):
        installation = Installation(sys.argv[1], seed=sys.argv[2], server=", worker_threads: 1")
        try:
            installation.start()
            world = World(installation)
            path = "/invoices/" + ok(world.owner.get(f"/accounts/{world.account}/invoices?limit=1")).json["data"][0]["id"]
            ok(world.owner.get(path))
            logins = 20  # each hashes a password, on the one worker
            done, threads = [], []
            for _ in range(logins):
                threads.append(threading.Thread(target=lambda: done.append(log_in(installation.port, OWNER, PASSWORD).close())))
                threads[-1].start()
            ok(world.owner.get(path))
            still_waiting = logins - len(done)
            for thread in threads:
                thread.join()
            self.assertEqual(len(done), logins)
            self.assertGreater(still_waiting, logins // 2)
            world.close()
        finally:
            installation.remove()


class Limits(unittest.TestCase):
    """Behind a proxy that is trusted, so that each test asks from a network of its own."""

    @classmethod
    def setUpClass(cls):
        cls.installation = Installation(sys.argv[1], seed=sys.argv[2], rate_limits=True, log_level="warning",
                                        server=', trusted_proxies: ["127.0.0.1"], metrics_token: "a token for the scraper"')
        cls.installation.start()
        cls.client = Client(cls.installation.port)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.installation.remove()

    def test_who_asks_too_often_is_told_when_to_come_back(self):
        path = "/me"
        asker = {"X-Forwarded-For": "203.0.113.9"}
        first = self.client.get(path, headers=asker)
        self.assertEqual(first.header("RateLimit-Policy"), '"anonymous";q=500;w=10')
        left = re.fullmatch(r'"anonymous";r=(\d+);t=0', first.header("RateLimit"))
        self.assertTrue(left and 490 <= int(left.group(1)) < 500, first.headers)
        for _ in range(20_000):
            answer = self.client.get(path, headers=asker)
            if answer.status == 429:
                break
        self.assertEqual((answer.status, answer.code), (429, "rate_limited"))
        self.assertGreaterEqual(int(answer.header("Retry-After")), 1)
        self.assertRegex(answer.header("RateLimit"), r'^"anonymous";r=0;t=[1-9]')
        # What the asker writes to the left of what the proxy saw changes nothing; a bad credential neither.
        for lie in ("198.51.100.7, 203.0.113.9", "127.0.0.1, 203.0.113.9", "x, 203.0.113.9"):
            answers = [self.client.get(path, headers={"X-Forwarded-For": lie, "Authorization": "Basic x"}) for _ in range(400)]
            self.assertIn(429, {answer.status for answer in answers}, lie)
        # Others are not hurt.
        self.assertEqual(self.client.get(path, headers={"X-Forwarded-For": "203.0.113.10"}).status, 401)

    def test_a_password_is_not_guessed(self):
        network = {"X-Forwarded-For": "192.0.2.77"}

        def attempt(email, password, headers):
            return self.client.post("/sessions", {"email": email, "password": password}, key=None, headers=headers)

        answers = [attempt("jane@example.com", f"guess {i}", network) for i in range(8)]
        self.assertEqual(answers[0].status, 401)
        self.assertEqual((answers[-1].status, answers[-1].code), (429, "login_throttled"))
        self.assertGreaterEqual(int(answers[-1].header("Retry-After")), 1)
        # The right password waits as well, from wherever; another's login in that network does not.
        self.assertEqual(attempt("jane@example.com", PASSWORD, {"X-Forwarded-For": "192.0.3.1"}).status, 429)
        self.assertEqual(attempt("ian@example.com", PASSWORD, network).status, 201)

    def test_an_unknown_user_is_answered_as_a_wrong_password(self):
        headers = {"X-Forwarded-For": "192.0.9.1"}
        known, unknown = (self.client.post("/sessions", {"email": email, "password": "wrong"}, key=None, headers=headers)
                          for email in ("georg@example.com", "nobody@example.com"))
        same = lambda answer: (answer.status, {k: v for k, v in answer.json.items() if k != "request_id"})  # noqa: E731
        self.assertEqual(same(known), same(unknown))

    def test_metrics_ask_for_their_token(self):
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer a token for the scrapex"}, {"Authorization": "Basic x"}):
            answer = self.client.get("/metrics", base="", headers=headers)
            self.assertEqual((answer.status, answer.is_problem), (401, True), headers)
        metrics(self.client, Authorization="Bearer a token for the scraper")


class StoreAway(unittest.TestCase):
    def test_without_its_store_it_lives_is_not_ready_and_says_so(self):
        folder = tempfile.mkdtemp(prefix="bursar-api-pg.", dir="/tmp")
        cluster = Cluster(folder)
        installation = Installation(sys.argv[1], url=cluster.url)
        self.addCleanup(installation.remove)
        installation.run("db", "migrate")
        installation.run("user", "create-staff", "--email", STAFF["admin"], "--name", "Admin", "--role", "admin",
                         environment={"BURSAR_PASSWORD": PASSWORD})
        installation.start()
        admin = log_in(installation.port, STAFF["admin"], PASSWORD)
        self.addCleanup(admin.close)
        self.assertEqual(plain(admin, "/readyz").status, 200)
        cluster.shut()
        ready = plain(admin, "/readyz")
        self.assertEqual((ready.status, ready.code, bool(ready.header("Retry-After"))), (503, "store_unavailable", True), ready)
        self.assertEqual(plain(admin, "/healthz").status, 200)
        self.assertEqual(metrics(admin)["bursar_store_up"], 0)
        bodies = [("GET", "/accounts", None), ("GET", "/me", None), ("PATCH", "/me", {"name": "x"}),
                  ("POST", "/catalog/products", {"code": "x", "name": "x", "prices": []}), ("GET", "/catalog/products", None)]
        for verb, path, body in bodies:
            started = time.monotonic()
            answer = admin.request(verb, path, body)
            self.assertEqual((answer.status, answer.code), (503, "store_unavailable"), (verb, path, answer))
            self.assertTrue(answer.header("Retry-After"))
            self.assertNotIn(str(cluster.folder), answer.body.decode())
            self.assertLess(time.monotonic() - started, 30)
        cluster.open()
        deadline = time.monotonic() + 30
        while plain(admin, "/readyz").status != 200:
            self.assertLess(time.monotonic(), deadline, "it did not become ready again")
            time.sleep(0.1)
        ok(admin.get("/me"))
        self.assertEqual(metrics(admin)["bursar_store_up"], 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
