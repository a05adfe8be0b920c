"""Faults of the system below the store, moved along its system calls by strace; needs no failpoints in the product.

    moving_fault.py BUILD_FOLDER kill|errors [EVERY [CUSTOMERS]]

kill    the daily run is killed at each fdatasync of its SQLite store in turn and started again.
errors  an fdatasync answers EIO, or the disk is full from some pwrite64 on, in the middle of the daily run; and while a
        server takes orders, which must know every order it has answered for when it is started again, and go on by
        itself where the fault ends before.

Either way the book must end as if nothing had happened. EVERY = 7 tries every seventh call only (the quick form).
"""
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, real_parts_required, stores, wrongs  # noqa: E402
from provider import FEWEST, UNTIL, Server, account_of, prepare  # noqa: E402

# Leak detection does not work in a process that is traced.
QUIET = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
ADVANCE = ["clock", "advance", "--to", UNTIL]


def strace(*options, output="/dev/null"):
    # Without --seccomp-bpf: with it, strace 6.1 forgets to count the calls it injects into.
    return ["strace", "-f", "-qq", "-o", str(output), *options]


def injecting(call, fault, output):
    return strace("-e", f"trace={call}", "-e", f"inject={call}:{fault}", output=output)


def was_met(output):
    text = output.read_text(errors="replace")
    return "(INJECTED)" in text or "killed by SIGKILL" in text


def check_ptrace():
    if shutil.which("strace") is None:
        print("strace is not installed (apt-get install strace)")
        sys.exit(1 if real_parts_required() else 77)
    tried = subprocess.run(strace("-e", "trace=fdatasync") + ["true"], capture_output=True, text=True)
    if tried.returncode != 0:
        print(f"no process may be traced here: {tried.stderr.strip()}")
        sys.exit(77)


def calls_of(command, environment=None):
    """How often each system call of interest is made by the thread that makes it most: injections count by thread."""
    with tempfile.NamedTemporaryFile() as trace:
        subprocess.run(strace("-e", "trace=fdatasync,pwrite64", output=trace.name) + command, check=True, capture_output=True,
                       env={**os.environ, **QUIET, **(environment or {})})
        counts = {}
        for thread, call in re.findall(r"^(\d+) +(fdatasync|pwrite64)\(", Path(trace.name).read_text(), re.M):
            counts[call, thread] = counts.get((call, thread), 0) + 1
    return {name: max(count for (call, _), count in counts.items() if call == name) for name in ("fdatasync", "pwrite64")}


class Loop:
    """Tries one fault after the other on a copy of `before`, and counts what ends otherwise than `expected`."""

    def __init__(self, victim, before, expected):
        self.victim, self.before, self.expected = victim, before, expected
        self.tried = self.failed = 0

    def try_daily_run(self, call, fault, allowed):
        self.victim.store.copy_from(self.before.store)
        trace = self.victim.folder / "trace"
        result = self.victim.run(*ADVANCE, check=False, through=injecting(call, fault, trace), environment=QUIET)
        if not was_met(trace):
            return  # waiting writers share one sync, so there may be a few calls fewer than in the calm run
        found = [] if result.returncode in allowed else [f"exit {result.returncode}: {result.stderr[-300:]}"]
        self.victim.run(*ADVANCE)
        self.note(f"{call} {fault}", found + wrongs(self.victim, self.expected))

    def note(self, what, wrong):
        self.tried += 1
        if wrong:
            self.failed += 1
            print(f"FAIL {what}: " + "\n  ".join(wrong), flush=True)


def place_orders(server, account, product, most):
    """Orders until the first that is not answered for; answers those that were, and whether all were."""
    acknowledged = []
    for _ in range(most):
        try:
            status, answer = server.ask("POST", f"/accounts/{account}/orders", {"items": [{"product_id": product, "cycle": "monthly"}]},
                                        timeout=60)
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return acknowledged, False
        if status != 201:
            return acknowledged, False
        acknowledged.append(answer["id"])
    return acknowledged, True


def try_orders(loop, call, fault, ends):
    """`ends`: the fault ends while the server runs, which must then take orders again."""
    victim, wrong = loop.victim, []
    victim.store.copy_from(loop.before.store)
    trace = victim.folder / "trace"
    server = Server(victim, through=injecting(call, fault, trace), environment=QUIET)
    server.log_in()
    account = account_of(server, "carla@example.com")
    product = server.call("GET", "/catalog/products")["data"][0]["id"]
    acknowledged, undisturbed = place_orders(server, account, product, 40)
    if ends and not undisturbed:
        for _ in range(20):
            more, recovered = place_orders(server, account, product, 3)
            acknowledged += more
            if recovered:
                break
        else:
            wrong.append("the server did not take orders again")
    server.kill()
    if not was_met(trace):
        wrong.append("the fault was never met")
    server = Server(victim)
    server.log_in()
    known = {order["id"] for order in server.call("GET", f"/accounts/{account}/orders?limit=200")["data"]}
    server.stop()
    wrong += [f"the order {order} was answered for and is lost" for order in acknowledged if order not in known]
    verified = victim.run("db", "verify", check=False)
    wrong += [str(breach) for breach in victim.breaches()] + ([verified.stdout[-500:]] if verified.returncode != 0 else [])
    loop.note(f"orders, {call} {fault}, {len(acknowledged)} answered for before and after", wrong)


def main():
    build, form = sys.argv[1], sys.argv[2]
    every = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    customers = int(sys.argv[4]) if len(sys.argv) > 4 else FEWEST
    check_ptrace()
    with tempfile.TemporaryDirectory(prefix="bursar-chaos.", dir="/tmp") as name:
        folder = Path(name)
        make = stores("sqlite", folder)
        before, calm, victim = (Book(build, folder / name, make(name), chunk=max(3, customers // 20))
                                for name in ("before", "calm", "victim"))
        prepare(before, customers)
        calm.store.copy_from(before.store)
        calls = calls_of([str(calm.binary), *ADVANCE, "--config", str(calm.config)])
        assert calls["fdatasync"] > 20 and calls["pwrite64"] > 20, calls
        loop = Loop(victim, before, calm.picture())
        if form == "kill":
            for n in range(1, calls["fdatasync"] + 1, every):
                loop.try_daily_run("fdatasync", f"signal=SIGKILL:when={n}", {-9, 137})
        else:
            for n in range(1, calls["fdatasync"] + 1, every):
                loop.try_daily_run("fdatasync", f"error=EIO:when={n}", {0, 1})
            for n in range(1, calls["pwrite64"] + 1, every * 4):
                loop.try_daily_run("pwrite64", f"error=ENOSPC:when={n}+", {0, 1})
            for n in range(8, 30, max(1, min(every, 10))):
                try_orders(loop, "fdatasync", f"error=EIO:when={n}", True)
                try_orders(loop, "pwrite64", f"error=ENOSPC:when={2 * n}..{2 * n + 3}", True)
                try_orders(loop, "pwrite64", f"error=ENOSPC:when={2 * n}+", False)
        print(f"{form}: {calls} in the undisturbed runs; disturbed {loop.tried} times, {loop.failed} ended badly")
        sys.exit(1 if loop.failed or loop.tried < 5 else 0)


main()
