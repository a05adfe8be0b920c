"""Three servers on one PostgreSQL database: each scheduled instant runs once, no work is done twice, and the book ends as
that of a single process that nobody disturbed.

    several_processes.py BUILD_FOLDER together|stopped|cut

together  all three are told to live through the days under test, at the same time.
stopped   one is stopped (SIGSTOP) while it holds a run, until its lease is over and another has taken the run over; when
          it goes on it must change nothing.
cut       sessions are terminated again and again, and the database server crashes and recovers, in the middle of runs.
"""
import http.client
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, stores, wrongs  # noqa: E402
from provider import EVE, UNTIL, Server, prepare  # noqa: E402

# A quiet time after the disturbances: what could not be found out meanwhile has been asked for again.
QUIET_UNTIL = "2027-02-03T12:00:00Z"

PATIENCE = 300  # seconds, for machines that are busy with other tests


class Fleet:
    """Servers with one store, each with its own folder and log."""

    def __init__(self, build, folder, store, count):
        self.books = [Book(build, folder / f"server{i}", store, log="info") for i in range(count)]
        self.servers = [Server(book) for book in self.books]
        self.servers[0].log_in()
        for server in self.servers[1:]:
            server.token = self.servers[0].token

    def lines(self, number, event):
        return [line for line in (self.books[number].folder / "serve.log").read_text().splitlines() if f'"{event}"' in line]

    def troubles(self):
        """What the servers had to say of more than a passing moment."""
        return [line[:400] for i in range(len(self.books)) for level in ("warning", "error") for line in self.lines(i, level)][-40:]

    def advance_all(self, target=UNTIL):
        """Each server is asked, again and again until it says that all is done."""
        def advance(server):
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                try:
                    status, answer = server.ask("PUT", "/test-clock", {"now": target})
                    if status == 200:
                        return
                    problems.append(f"{status} {answer.get('code')}")
                except (OSError, http.client.HTTPException) as error:
                    problems.append(repr(error))
                time.sleep(0.3)
            problems.append("never done")
        problems = []
        threads = [threading.Thread(target=advance, args=(server,)) for server in self.servers]
        for thread in threads:
            thread.start()
        return threads, problems

    def stop(self):
        for server in self.servers:
            server.stop()


def picture(book):
    """Servers charge while a run goes on, so what its last step finds without an outcome is a matter of speed."""
    out = book.picture()
    out["steps"] = [row for row in out["steps"] if row[1] != "reconciliation"]
    return out


def await_end(threads):
    end = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def admin(store, sql):
    return store.answers([sql])[0]


def together(fleet, store):
    threads, problems = fleet.advance_all()
    wrong = [] if await_end(threads) else ["the servers did not finish"]
    wrong += [f"a server answered {problem}" for problem in problems]
    begun = [len(fleet.lines(i, "run_started")) for i in range(len(fleet.servers))]
    if sum(begun) != 5:
        wrong.append(f"five instants, begun {begun} times")
    return wrong, f"runs begun by each server: {begun}"


def owner_of_run(store):
    rows = admin(store, "SELECT owner FROM scheduler_runs WHERE status = 'running' AND owner IS NOT NULL")
    return int(rows[0][0].split(".")[1]) if rows else None


def stop_an_owner(fleet, store):
    """Stops the server that holds a run; None when none held one for long enough to be caught."""
    pids = {server.process.pid: number for number, server in enumerate(fleet.servers)}
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pid = owner_of_run(store)
        if pid is None:
            continue
        os.kill(pid, signal.SIGSTOP)
        if owner_of_run(store) == pid:
            return pids[pid]
        os.kill(pid, signal.SIGCONT)
    return None


def stopped(fleet, store):
    threads, _ = fleet.advance_all()
    number = stop_an_owner(fleet, store)
    if number is None:
        await_end(threads)
        return ["no server was caught while it held a run"], ""
    others = [thread for i, thread in enumerate(threads) if i != number]
    time.sleep(2)
    wrong = [] if owner_of_run(store) == fleet.servers[number].process.pid else ["a live process lost its run before its lease was over"]
    # A minute passes: PostgreSQL ends the session that was stopped in the middle of a transaction, and the leases are over.
    admin(store, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    store.change("UPDATE scheduler_runs SET lease_until = '2000-01-01T00:00:00Z' WHERE status = 'running'")
    store.change("UPDATE effects SET lease_until = '2000-01-01T00:00:00Z' WHERE state = 'in_flight'")
    if not await_end(others):
        wrong.append("the others did not finish while one was stopped")
    ended = admin(store, "SELECT job, scheduled_at, fence FROM scheduler_runs ORDER BY scheduled_at")
    os.kill(fleet.servers[number].process.pid, signal.SIGCONT)
    if not await_end(threads):
        wrong.append("the stopped server did not finish")
    if admin(store, "SELECT job, scheduled_at, fence FROM scheduler_runs ORDER BY scheduled_at") != ended:
        wrong.append("the server that had been stopped took a run again")
    # Its session was ended under it, or its run's fence had moved on: either way it is told so.
    if not any(fleet.lines(number, event) for event in ("run_lost", "scheduler_failed", "request_storage_error")):
        wrong.append("the server that had been stopped did not notice that it had lost its run")
    return wrong, f"server {number} was stopped while it held a run"


def crash_server(store):
    """One backend dies by SIGKILL: PostgreSQL ends all sessions and recovers from its log, as after a stop `immediate`."""
    rows = admin(store, "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() LIMIT 1")
    if rows:
        os.kill(int(rows[0][0]), signal.SIGKILL)


def cut(fleet, store):
    seed = int(os.environ.get("BURSAR_CHAOS_SEED", random.SystemRandom().randrange(10**9)))
    dice = random.Random(seed)
    threads, _ = fleet.advance_all()
    cuts = crashes = 0
    while any(thread.is_alive() for thread in threads) and cuts < 40:
        time.sleep(dice.uniform(0.02, 0.2))
        try:
            if cuts % 5 == 2:
                crash_server(store)
                crashes += 1
            else:
                admin(store, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
                             f"pid <> pg_backend_pid() ORDER BY (pid * {dice.randrange(1, 999)}) % 101 LIMIT 2")
            cuts += 1
        except subprocess.CalledProcessError:
            continue  # it is recovering
    wrong = [] if await_end(threads) else ["the servers did not finish"]
    if cuts < 5 or crashes < 1:
        wrong.append("hardly disturbed")
    return wrong, f"seed {seed}: sessions cut {cuts - crashes} times, {crashes} crashes of the database server"


def main():
    build, form = sys.argv[1], sys.argv[2]
    with tempfile.TemporaryDirectory(prefix="bursar-chaos.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        make = stores("postgresql", folder)
        before, calm = (Book(build, folder / name, make(name)) for name in ("before", "calm"))
        prepare(before)
        calm.store.copy_from(before.store)
        calm.run("clock", "advance", "--to", UNTIL)
        calm.run("clock", "advance", "--to", QUIET_UNTIL)
        expected = picture(calm)
        shared = make("shared")
        shared.copy_from(before.store)
        # The server of tests may forget what it has acknowledged when it crashes; this database's may not.
        shared.change("ALTER DATABASE shared SET synchronous_commit = on")
        # A sequence in a copied database takes its numbers for logged, which they are in the original; a checkpoint ends that.
        shared.change("CHECKPOINT")
        fleet = Fleet(build, folder, shared, 3)
        wrong, told = {"together": together, "stopped": stopped, "cut": cut}[form](fleet, shared)
        wrong += [] if await_end(fleet.advance_all(QUIET_UNTIL)[0]) else ["the servers did not finish the quiet time"]
        fleet.stop()
        wrong += wrongs(fleet.books[0], expected, picture)
        doubled = admin(shared, f"SELECT scheduled_at FROM scheduler_runs WHERE scheduled_at > '{EVE}' AND status <> 'done'")
        wrong += [f"the run of {instant} is not done" for (instant,) in doubled]
        print(f"{form}: {told}; " + ("the book is that of a single process" if not wrong else "FAIL\n  " + "\n  ".join(wrong)))
        if wrong:
            print("\n".join(fleet.troubles()))
            print(admin(shared, "SELECT kind, key, state, attempts, next_at, error FROM effects WHERE state NOT IN ('done', 'failed')"))
        sys.exit(1 if wrong else 0)


main()
