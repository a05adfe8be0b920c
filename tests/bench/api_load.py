"""Parts 4 to 6: the API under load, beside a daily run, and beside many idle and slow connections."""
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

from tools import DAY_BEFORE, RUN_AT, progress, remove_store, run

# A payment is recorded, claimed and settled in a durable transaction each (docs/design/payment-outcomes.md).
COMMITS_A_PAYMENT = 3


class Server:
    """`bursar serve` over a store, with a session of a member of staff."""

    def __init__(self, tools, store, more=""):
        config = tools.config("serve", f"sqlite:{store}", ", rate_limits: false", more)
        run(tools.bursar, "user", "create-staff", "--email", "bench@example.com", "--name", "Bench", "--config", config,
            env={**os.environ, "BURSAR_PASSWORD": "correct horse battery"})
        self.tools, self.store = tools, store
        self.process = subprocess.Popen([str(tools.bursar), "serve", "--json", "--config", str(config)], stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.token = None
        self.token = self.call("POST", "/sessions", {"email": "bench@example.com", "password": "correct horse battery"})["token"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)
        remove_store(self.store)

    def headers(self):
        return {"Content-Type": "application/json"} | ({"Authorization": "Bearer " + self.token} if self.token else {})

    def call(self, method, path, body=None, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None, self.headers())
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status < 300, (answer.status, text)
        return json.loads(text)

    def invoices(self, most):
        ids, cursor = [], None
        while len(ids) < most:
            page = self.call("GET", "/invoices?status=open&limit=200" + (f"&cursor={cursor}" if cursor else ""))
            ids += [invoice["id"] for invoice in page["data"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        return ids

    def get(self, path, clients, seconds):
        return wrk(f"http://127.0.0.1:{self.port}/api/v1{path}", clients, seconds, self.token)

    def post(self, requests, clients, seconds):
        """Sends requests (path below the API, headers, body), each once."""
        lines = self.tools.folder / "requests.txt"
        with open(lines, "w") as file:
            for path, headers, body in requests:
                file.write("\t".join(["/api/v1" + path, *(f"{name}: {value}" for name, value in headers.items()), body]) + "\n")
        answer = json.loads(run(self.tools.tool("bench-load"), self.port, clients, seconds, lines))
        assert answer["errors"] == 0, answer
        return answer

    def pay(self, ids, clients, seconds):
        """Payments by bank transfer; takes the invoices it uses off `ids`."""
        bearer = {"Authorization": "Bearer " + self.token}
        answer = self.post(((f"/invoices/{invoice}/payments", bearer | {"Idempotency-Key": "bench-" + invoice}, '{"gateway": "bank"}')
                            for invoice in ids), clients, seconds)
        assert answer["count"] + clients < len(ids), "the invoices ran out"
        del ids[:answer["count"] + clients]
        return answer


class Load:
    """What wrk saw: requests a second, milliseconds, answers that were errors."""

    def __init__(self, out):
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
        self.p50, self.p99 = (self.milliseconds(out, name) for name in ("50", "99"))
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
        self.errors = (int(bad.group(1)) if bad else 0) + (sum(map(int, broken.groups())) if broken else 0)

    @staticmethod
    def milliseconds(out, percentile):
        amount, unit = re.search(r"\b" + percentile + r"%\s+([\d.]+)(us|ms|s)", out).groups()
        return float(amount) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def wrk(url, clients, seconds, token=None):
    bearer = ["-H", "Authorization: Bearer " + token] if token else []
    return Load(run("wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", *bearer, url))


def start_nginx(tools, body):
    """nginx on one core, serving the same bytes from a file."""
    root = tools.folder / "nginx"
    root.mkdir(exist_ok=True)
    (root / "invoice.json").write_bytes(body)
    os.chmod(root, 0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (root / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;\nevents {{ worker_connections 1024; }}\n"
        f"http {{ access_log off; keepalive_requests 10000000; client_body_temp_path {root}/b; proxy_temp_path {root}/p; "
        f"fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n"
        f"server {{ listen 127.0.0.1:{port}; root {root}; default_type application/json; }} }}\n")
    server = subprocess.Popen(["nginx", "-c", str(root / "nginx.conf"), "-p", str(root)], stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return server, f"http://127.0.0.1:{port}/invoice.json"
        except OSError:
            time.sleep(0.02)
    sys.exit("nginx did not start")


def api(tools, services=200000, seconds=3):
    store = tools.copy(tools.seeded_sqlite(services), "api.db")
    progress("invoicing the store that the API is measured on")
    tools.product_run(tools.config("api", f"sqlite:{store}"))
    pristine = tools.copy(store, "api-before.db")
    with Server(tools, store) as server:
        ids = server.invoices(120000)
        get_invoice(tools, server, ids[-1], seconds)
        post_payment(tools, server, ids[:-1], pristine, seconds)
        many_connections(tools, server, ids[-1])
    remove_store(pristine)


def get_invoice(tools, server, invoice, seconds):
    path = f"/invoices/{invoice}"
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/api/v1" + path, headers=server.headers())
    nginx, nginx_url = start_nginx(tools, connection.getresponse().read())
    try:
        for clients in (1, 16, 32):
            progress(f"GET of an invoice, {clients} clients")
            ours, limits = [], []
            for _ in range(tools.rounds):
                ours.append(server.get(path, clients, seconds))
                limits.append(wrk(nginx_url, clients, seconds))
            assert not any(load.errors for load in ours + limits), "some answers were errors"
            name = f"get_invoice_{clients}_clients"
            tools.report_medians(name, "requests/s", [x.rate for x in ours], [x.rate for x in limits])
            tools.report_medians(name + "_p50", "ms", [x.p50 for x in ours], [x.p50 for x in limits])
            tools.report_medians(name + "_p99", "ms", [x.p99 for x in ours], [x.p99 for x in limits])
    finally:
        nginx.terminate()
        nginx.wait(10)


def post_payment(tools, server, ids, pristine, seconds):
    """Durable payments by bank transfer, against a bare group commit: of one commit a payment, and of as many as the
    product's rule asks for, to record what it is about to do before it does it."""
    for clients in (1, 16, 32):
        progress(f"POST of payments, {clients} clients")
        ours, one, all_ = [], [], []
        for _ in range(tools.rounds):
            ours.append(server.pay(ids, clients, seconds))
            for limits, commits in ((one, 1), (all_, COMMITS_A_PAYMENT)):
                copy = tools.copy(pristine, "commit.db")
                limits.append(json.loads(run(tools.tool("bench-baseline-commit"), copy, clients, seconds, commits)))
                remove_store(copy)
        name = f"post_payment_{clients}_clients"
        tools.report_medians(name, "payments/s", [x["rate"] for x in ours], [x["rate"] for x in one])
        tools.report_medians(f"{name}_of_{COMMITS_A_PAYMENT}_commits", "payments/s", [x["rate"] for x in ours], [x["rate"] for x in all_])
        for percentile in ("p50", "p99"):
            tools.report_medians(f"{name}_{percentile}", "ms", [x[percentile + "_us"] / 1000 for x in ours], [x[percentile + "_us"] / 1000 for x in one])


class Held:
    """Connections that are kept open: idle after one answer, or slowly sending a request."""

    def __init__(self, server):
        self.server, self.idle, self.slow = server, [], []
        self.request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.server.port), 20)

    @staticmethod
    def answered(connection):
        try:
            return connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False

    def open(self, idle, slow):
        for _ in range(idle):
            connection = self.connect()
            connection.sendall(self.request + b"\r\n")
            assert self.answered(connection)
            self.idle.append(connection)
        for _ in range(slow):
            connection = self.connect()
            connection.sendall(self.request + b"X-Slow: ")
            self.slow.append(connection)

    def drip(self):
        for connection in self.slow:
            connection.sendall(b"x")

    def lost(self):
        """How many get no answer when they at last go on."""
        for connection in self.slow:
            connection.sendall(b"\r\n\r\n")
        for connection in self.idle:
            connection.sendall(self.request + b"\r\n")
        return sum(not self.answered(connection) for connection in self.slow + self.idle)

    def close(self):
        for connection in self.idle + self.slow:
            connection.close()


def many_connections(tools, server, invoice, idle=10000, slow=1000):
    """Nobody loses anything: those who wait get their answers in the end, the others' service goes on meanwhile."""
    progress(f"{idle:,} idle and {slow:,} slow connections")
    alone = server.get(f"/invoices/{invoice}", 16, 3)
    held = Held(server)
    try:
        held.open(idle, slow)
        dripping = threading.Event()

        def drip():
            while not dripping.wait(0.5):
                held.drip()

        thread = threading.Thread(target=drip)
        thread.start()
        beside = server.get(f"/invoices/{invoice}", 16, 3)
        dripping.set()
        thread.join()
        tools.report(f"beside_{idle}_idle_{slow}_slow_lost", held.lost() + beside.errors, "requests", 0, 1.0)
        tools.report(f"beside_{idle}_idle_{slow}_slow_get", beside.rate, "requests/s", alone.rate)
        tools.report(f"beside_{idle}_idle_{slow}_slow_get_p99", beside.p99, "ms", alone.p99)
    finally:
        held.close()


def during_run(tools, services, seconds=5):
    """Reads and payments while a daily run goes on in the same process; reads before it, for comparison."""
    store = tools.copy(tools.seeded_sqlite(services), "busy.db")
    tools.product_run(tools.config("busy", f"sqlite:{store}"), at=DAY_BEFORE)
    with Server(tools, store) as server:
        account = "/accounts/" + server.call("GET", "/accounts?limit=1")["data"][0]["id"]
        before = server.get(account, 4, 3)
        progress(f"the API during a run over {services:,} services")
        moving = threading.Thread(target=lambda: server.call("PUT", "/test-clock", {"now": RUN_AT}, timeout=900))
        moving.start()
        while len(ids := server.invoices(12000)) < 12000:
            time.sleep(0.05)
        payments = server.pay(ids, 4, 2)
        reads = server.get(account, 4, seconds)
        ended = not moving.is_alive()
        moving.join()
        if ended:
            print(f"the run over {services:,} services ended before its measurement: take more services", file=sys.stderr)
            return
        assert reads.errors == 0, "some answers were errors"
        name = f"during_run_{services}"
        tools.report(name + "_get_p99", reads.p99, "ms", 10)
        tools.report(name + "_get_p99_before", before.p99, "ms", 10)
        tools.report(name + "_post_p50", payments["p50_us"] / 1000, "ms", 10)
        tools.report(name + "_post_p99", payments["p99_us"] / 1000, "ms", 10)
