"""Measures the product against limits taken in the same run, interleaved, medians of several.

    bench.py BUILD_FOLDER [--json] [--quick] [--only NAME] [--services 10000,100000,1000000] [--rounds 3]

Each result is one object: name, value, unit, limit, ratio (value against limit; higher is better for rates, lower for
costs, as the name says). --quick runs only the check of `./dev test`: cost per invoice at 20,000 services against
1,000, which fails when it grows by more than half.
"""
import argparse
import http.client
import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

DUE = "2027-03-08"
RUN_AT = "2027-03-02T03:00:00Z"  # the evening of 1 March in Los Angeles: due in seven days
CONFIG = """\
provider:
  name: Example Hosting
  country: US
  address: {{street: 1 Main Street, city: Portland, region: OR, postal_code: "97201"}}
  timezone: America/Los_Angeles
  currencies: [USD, EUR]
server: {{listen: "127.0.0.1:0", public_url: "http://localhost"{server}}}
database: {{url: "{url}"}}
clock: test
tax:
  - {{country: DE, name: VAT, rate: "19"}}
log: {{level: error}}
plugins:
  directory: {plugins}
  instances:
    bank: {{plugin: bank-transfer, config: {{account_holder: Example Hosting Inc., bank: Example Bank, account_number: "000123456789"}}}}
"""


def run(*command, **options):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if result.returncode != 0:
        sys.exit(f"{command[0]} answered {result.returncode}\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout


class Bench:
    def __init__(self, build, folder, as_json, rounds):
        self.build, self.folder, self.as_json, self.rounds = Path(build).resolve(), Path(folder), as_json, rounds
        self.results = []

    def tool(self, name):
        return self.build / "bench" / name

    def report(self, name, value, unit, limit, ratio):
        result = {"name": name, "value": round(value, 4), "unit": unit, "limit": round(limit, 4), "ratio": round(ratio, 3)}
        self.results.append(result)
        if self.as_json:
            print(json.dumps(result), flush=True)
        else:
            print(f"{name:48} {value:14,.2f} {unit:18} limit {limit:14,.2f}  ratio {ratio:.2f}", flush=True)

    def config(self, name, url, server=""):
        path = self.folder / f"{name}.yaml"
        path.write_text(CONFIG.format(url=url, plugins=self.build / "plugins", server=server))
        return path

    def product_run(self, config):
        """One daily run by the real binary: its own seconds, the invoices, and the peak memory of the process."""
        command = [str(self.build / "bursar"), "job", "run", "daily", "--at", RUN_AT, "--json", "--config", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = process.communicate()
        if process.returncode != 0:
            sys.exit(f"the daily run failed: {out}{err}")
        answer = json.loads(out.splitlines()[-1])
        invoices = sum(step["counts"].get("invoices", 0) for step in answer["steps"])
        return answer["seconds"], invoices, answer["peak_memory_kb"] / 1024

    # --- stores -------------------------------------------------------------------------------------------------

    def seeded_sqlite(self, services, *options):
        path = self.folder / f"seed-{services}{''.join(options)}.db"
        if not path.exists():
            run(self.tool("bench-seed"), f"sqlite:{path}", services, DUE, *options)
        return path

    def copy(self, source, name):
        target = self.folder / name
        for suffix in ("", "-wal", "-shm"):
            Path(str(target) + suffix).unlink(missing_ok=True)
        shutil.copyfile(source, target)
        os.sync()
        return target

    # --- (1) the daily run on SQLite --------------------------------------------------------------------------------

    def daily_run_sqlite(self, sizes):
        cost = {}
        for services in sizes:
            seed = self.seeded_sqlite(services)
            rates, limits, memory = [], [], []
            for _ in range(self.rounds):
                after = self.copy(seed, "after.db")
                seconds, invoices, peak = self.product_run(self.config("sqlite", f"sqlite:{after}"))
                rates.append(invoices / seconds)
                memory.append(peak)
                work = self.copy(seed, "work.db")
                baseline = json.loads(run(self.tool("bench-baseline-sqlite"), seed, after, work))
                assert baseline["invoices"] == invoices, (baseline, invoices)
                limits.append(baseline["invoices"] / baseline["seconds"])
            rate, limit = statistics.median(rates), statistics.median(limits)
            cost[services] = 1 / rate
            self.report(f"daily_run_sqlite_{services}", rate, "invoices/s", limit, rate / limit)
            self.report(f"daily_run_sqlite_{services}_peak_memory", statistics.median(memory), "MB", 50, statistics.median(memory) / 50)
        first, last = min(sizes), max(sizes)
        self.report("daily_run_sqlite_cost_growth", cost[last] / cost[first], f"cost({last})/cost({first})", 1.1, cost[last] / cost[first] / 1.1)

    # --- (2) the daily run on PostgreSQL ----------------------------------------------------------------------------

    def daily_run_postgresql(self, sizes):
        server = self.folder / "server"
        started = subprocess.run([str(Path(__file__).parent.parent / "support/start-postgres.sh"), str(server), str(os.getpid())],
                                 capture_output=True, text=True)
        if started.returncode != 0:
            print(f"PostgreSQL left out: {started.stderr}", file=sys.stderr)
            return
        base = f"host={server} port=5432 user=bursar"

        def create(name, template=None):
            for sql in (f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else "")):
                run("psql", "-X", "-q", "-c", sql, f"{base} dbname=postgres")
            return f"{base} dbname={name}"

        for services in sizes:
            seed = create(f"seed{services}")
            run(self.tool("bench-seed"), f"postgresql:{seed}", services, DUE)
            run("psql", "-X", "-q", "-c", "ANALYZE", seed)
            rates, limits = [], []
            for _ in range(self.rounds):
                after = create("after", f"seed{services}")
                seconds, invoices, _ = self.product_run(self.config("postgresql", f"postgresql:{after}"))
                rates.append(invoices / seconds)
                work = create("work", f"seed{services}")
                baseline = json.loads(run(self.tool("bench-baseline-postgresql"), seed, after, work))
                limits.append(baseline["invoices"] / baseline["seconds"])
            rate, limit = statistics.median(rates), statistics.median(limits)
            self.report(f"daily_run_postgresql_{services}", rate, "invoices/s", limit, rate / limit)

    # --- (3) a run with nothing due ---------------------------------------------------------------------------------

    def nothing_due(self, services):
        """The run's own time with nothing due: over many services against over few. The rest of a run (its steps'
        progress, each in a durable transaction) is in both; the difference is what the queries cost."""
        large, small = self.seeded_sqlite(services, "not-due"), self.seeded_sqlite(1000, "not-due")
        many, few = [], []
        for _ in range(max(5, self.rounds)):
            many.append(self.product_run(self.config("many", f"sqlite:{self.copy(large, 'many.db')}"))[0] * 1000)
            few.append(self.product_run(self.config("few", f"sqlite:{self.copy(small, 'few.db')}"))[0] * 1000)
        more = max(0.0, min(many) - min(few))
        self.report(f"nothing_due_{services}", more, "ms beyond a run over 1,000", 1.0, more)
        self.report("nothing_due_run", statistics.median(many), "ms, whole run", statistics.median(few),
                    statistics.median(many) / statistics.median(few))

    # --- (4) to (6): the API ------------------------------------------------------------------------------------------

    def serve(self, store):
        config = self.config("serve", f"sqlite:{store}", ", rate_limits: false")
        server = subprocess.Popen([str(self.build / "bursar"), "serve", "--json", "--config", str(config)], stdout=subprocess.PIPE, text=True)
        port = json.loads(server.stdout.readline())["port"]
        return server, port

    def token(self, store):
        config = self.config("staff", f"sqlite:{store}")
        run(self.build / "bursar", "user", "create-staff", "--email", "bench@example.com", "--name", "Bench", "--config", config,
            env={**os.environ, "BURSAR_PASSWORD": "correct horse battery"})
        return lambda port: self.call(port, "POST", "/sessions", {"email": "bench@example.com", "password": "correct horse battery"})["token"]

    def call(self, port, method, path, body=None, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = "Bearer " + token
        connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status < 300, (answer.status, text)
        return json.loads(text)

    def wrk(self, url, clients, seconds, token=None, script=None):
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency"]
        if token:
            command += ["-H", "Authorization: Bearer " + token]
        if script:
            command += ["-s", str(script)]
        out = run(*command, url)
        scale = {"us": 0.001, "ms": 1, "s": 1000}

        def percentile(name):
            amount, unit = re.search(name + r"%\s+([\d.]+)(us|ms|s)", out).groups()
            return float(amount) * scale[unit]

        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), percentile("50"), percentile("99"), int(bad.group(1)) if bad else 0

    def nginx(self, body):
        root = self.folder / "nginx"
        root.mkdir(exist_ok=True)
        (root / "invoice.json").write_bytes(body)
        os.chmod(root, 0o755)
        os.chmod(self.folder, 0o755)
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

    def invoiced_store(self, services):
        store = self.copy(self.seeded_sqlite(services), "api.db")
        self.product_run(self.config("api", f"sqlite:{store}"))
        return store

    def api(self, services=20000, seconds=3):
        store = self.invoiced_store(services)
        log_in = self.token(store)
        pristine = self.copy(store, "api-before.db")
        server, port = self.serve(store)
        try:
            token = log_in(port)
            ids, cursor = [], None
            while len(ids) < 12000:
                page = self.call(port, "GET", "/invoices?limit=200" + (f"&cursor={cursor}" if cursor else ""), token=token)
                ids += [invoice["id"] for invoice in page["data"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            self.get_invoice(port, token, ids[0], seconds)
            self.post_payment(port, token, ids, pristine, seconds)
            self.many_connections(port, token, ids[0])
        finally:
            server.terminate()
            server.wait(20)

    def get_invoice(self, port, token, invoice, seconds):
        path = f"/api/v1/invoices/{invoice}"
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", path, headers={"Authorization": "Bearer " + token})
        body = connection.getresponse().read()
        nginx, nginx_url = self.nginx(body)
        try:
            for clients in (1, 16, 32):
                ours, limits = [], []
                for _ in range(self.rounds):
                    ours.append(self.wrk(f"http://127.0.0.1:{port}{path}", clients, seconds, token))
                    limits.append(self.wrk(nginx_url, clients, seconds))
                assert all(result[3] == 0 for result in ours), "errors"
                rate, limit = statistics.median(r[0] for r in ours), statistics.median(r[0] for r in limits)
                self.report(f"get_invoice_{clients}_clients", rate, "requests/s", limit, rate / limit)
                self.report(f"get_invoice_{clients}_clients_p50", statistics.median(r[1] for r in ours), "ms",
                            statistics.median(r[1] for r in limits), statistics.median(r[1] for r in ours) / statistics.median(r[1] for r in limits))
                self.report(f"get_invoice_{clients}_clients_p99", statistics.median(r[2] for r in ours), "ms",
                            statistics.median(r[2] for r in limits), statistics.median(r[2] for r in ours) / statistics.median(r[2] for r in limits))
        finally:
            nginx.terminate()
            nginx.wait(10)

    def post_payment(self, port, token, ids, pristine, seconds):
        """Durable payments by bank transfer, each of an invoice of its own."""
        used = 0
        for clients in (1, 16, 32):
            share = ids[used:used + len(ids) // 3]
            used += len(share)
            latencies, errors = self.pay_side_by_side(port, token, share, clients, seconds)
            limit = json.loads(run(self.tool("bench-baseline-commit"), self.copy(pristine, "commit.db"), clients, seconds))
            rate = len(latencies) / seconds
            latencies.sort()
            assert errors == 0 and latencies, f"{errors} payments were refused"
            self.report(f"post_payment_{clients}_clients", rate, "payments/s", limit["rate"], rate / limit["rate"])
            for name, at in (("p50", 0.50), ("p99", 0.99)):
                mine = latencies[int(len(latencies) * at)] * 1000
                self.report(f"post_payment_{clients}_clients_{name}", mine, "ms", limit[name + "_us"] / 1000, mine / (limit[name + "_us"] / 1000))

    def pay_side_by_side(self, port, token, ids, clients, seconds):
        queue, lock, latencies, errors = list(ids), threading.Lock(), [], [0]
        end = time.monotonic() + seconds

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            while time.monotonic() < end:
                with lock:
                    if not queue:
                        return
                    invoice = queue.pop()
                start = time.monotonic()
                connection.request("POST", f"/api/v1/invoices/{invoice}/payments", '{"gateway": "bank"}',
                                   {"Content-Type": "application/json", "Authorization": "Bearer " + token, "Idempotency-Key": "bench-" + invoice})
                answer = connection.getresponse()
                answer.read()
                took = time.monotonic() - start
                with lock:
                    if answer.status < 300:
                        latencies.append(took)
                    else:
                        errors[0] += 1

        threads = [threading.Thread(target=client) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return latencies, errors[0]

    def many_connections(self, port, token, invoice):
        """Idle and slow connections must not cost the others their service."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        idle_wanted = min(10000, hard - 2000)
        url = f"http://127.0.0.1:{port}/api/v1/invoices/{invoice}"
        alone, _, _, _ = self.wrk(url, 16, 2, token)
        held = []
        try:
            for i in range(idle_wanted):
                held.append(socket.create_connection(("127.0.0.1", port), 10))
            slow = []
            for i in range(1000):
                connection = socket.create_connection(("127.0.0.1", port), 10)
                connection.sendall(b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
                slow.append(connection)
            held += slow
            rate, _, p99, errors = self.wrk(url, 16, 2, token)
            assert errors == 0, f"{errors} answers were errors"
            self.report(f"get_invoice_beside_{idle_wanted}_idle_1000_slow", rate, "requests/s", alone, rate / alone)
            self.report(f"get_invoice_beside_{idle_wanted}_idle_1000_slow_p99", p99, "ms", 50, p99 / 50)
        finally:
            for connection in held:
                connection.close()

    def latency_during_run(self, services):
        """The API's p99 while a large run goes on in the same process."""
        store = self.copy(self.seeded_sqlite(services), "busy.db")
        log_in = self.token(store)
        server, port = self.serve(store)
        try:
            token = log_in(port)
            account = self.call(port, "GET", "/accounts?limit=1", token=token)["data"][0]["id"]
            before = self.wrk(f"http://127.0.0.1:{port}/api/v1/accounts/{account}", 4, 2, token)
            moving = threading.Thread(target=lambda: self.call_long(port, token))
            moving.start()
            time.sleep(0.5)
            during = self.wrk(f"http://127.0.0.1:{port}/api/v1/accounts/{account}", 4, 5, token)
            under_way = moving.is_alive()
            moving.join()
            self.report(f"api_p99_during_run_{services}" + ("" if under_way else "_run_too_short"), during[2], "ms", 10, during[2] / 10)
            self.report(f"api_p99_before_run_{services}", before[2], "ms", 10, before[2] / 10)
        finally:
            server.terminate()
            server.wait(60)

    def call_long(self, port, token):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=900)
        connection.request("PUT", "/api/v1/test-clock", json.dumps({"now": RUN_AT}),
                           {"Content-Type": "application/json", "Authorization": "Bearer " + token})
        connection.getresponse().read()

    # --- the quick form ----------------------------------------------------------------------------------------------

    def quick(self):
        small, large = 1000, 20000
        costs = {}
        for _ in range(3):
            for services in (small, large):
                store = self.copy(self.seeded_sqlite(services), "quick.db")
                seconds, invoices, _ = self.product_run(self.config("quick", f"sqlite:{store}"))
                costs.setdefault(services, []).append(seconds / invoices)
        growth = min(costs[large]) / min(costs[small])
        self.report("cost_per_invoice_growth", growth, f"cost({large})/cost({small})", 1.5, growth / 1.5)
        return growth <= 1.5


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--services", default="10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sizes = [int(n) for n in options.services.split(",")]
    with tempfile.TemporaryDirectory(prefix="bursar-bench.", dir=os.environ.get("BURSAR_BENCH_FOLDER", "/var/tmp")) as folder:
        os.chmod(folder, 0o755)
        bench = Bench(options.build, folder, options.json, options.rounds)
        if options.quick:
            sys.exit(0 if bench.quick() else 1)
        parts = {"sqlite": lambda: bench.daily_run_sqlite(sizes), "postgresql": lambda: bench.daily_run_postgresql(sizes),
                 "nothing_due": lambda: bench.nothing_due(max(sizes)), "api": bench.api,
                 "during_run": lambda: bench.latency_during_run(max(sizes))}
        for name, part in parts.items():
            if options.only in ("", name):
                part()


if __name__ == "__main__":
    main()
