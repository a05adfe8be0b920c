"""Kills the daily run with SIGKILL just before and just after each of its durable commits in turn, starts it again, and
asks that the book ends as if it had never been killed.

    kill_at_every_commit.py BUILD_FOLDER sqlite|postgresql [EVERY]

The run covers days on which invoices are made, credit is applied, cards are charged and declined, reminders go out,
late fees are made and services are suspended. EVERY = 7 tries every seventh commit only (the quick form).
"""
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, Postgresql, Sqlite, commits, differences, gateway_book  # noqa: E402

WARM_UP = "2027-02-05T12:00:00Z"   # a month of ordinary life first
UNTIL = "2027-02-08T12:00:00Z"     # the runs under test: three evenings


def stores(kind, folder):
    if kind == "sqlite":
        return lambda name: Sqlite(folder / name)
    support = Path(__file__).parent.parent / "support"
    server = subprocess.run([str(support / "start-postgres.sh"), str(folder / "server"), str(os.getpid())],
                            capture_output=True, text=True)
    if server.returncode != 0:
        print(server.stderr, file=sys.stderr)
        sys.exit(1 if server.returncode == 77 and os.environ.get("BURSAR_REQUIRE_REAL_PARTS") == "1" else server.returncode)
    base = f"host={folder / 'server'} port=5432 user=bursar"

    def make(name):
        store = Postgresql(base, name)
        store.create()
        return store

    return make


def main():
    build, kind, every = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory(prefix="bursar-chaos.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        make = stores(kind, folder)

        def book(name):
            (folder / name).mkdir(mode=0o755, exist_ok=True)
            return Book(build, folder / name, make(name))

        before = book("before")
        before.seed()
        before.run("clock", "advance", "--to", WARM_UP)

        calm = book("calm")
        calm.store.copy_from(before.store)
        counter = folder / "commits"
        calm.run("clock", "advance", "--to", UNTIL, environment={"BURSAR_FAILPOINT_COUNT": str(counter)})
        expected, total = calm.contents(), commits(counter)
        assert not calm.breaches(), calm.breaches()
        print(f"{kind}: {total} durable commits in the undisturbed runs; {len(expected['invoices'])} invoices, "
              f"{len(expected['payments'])} payments, {len(expected['messages'])} messages", flush=True)
        assert total > 20, "the runs under test do next to nothing"

        victim = book("victim")
        failures = 0
        tried = 0
        for point in ("before_commit", "after_commit"):
            for n in range(1, total + 1, every):
                victim.store.copy_from(before.store)
                killed = victim.run("clock", "advance", "--to", UNTIL, check=False,
                                    environment={"BURSAR_FAILPOINT": f"{point}=kill@{n}"})
                if killed.returncode != -signal.SIGKILL:
                    # Commits that wait together share one sync, so there may be a few fewer than in the calm run.
                    if killed.returncode != 0:
                        failures += 1
                        print(f"FAIL {point} {n}: exit {killed.returncode} {killed.stderr[-300:]}")
                    continue
                victim.run("clock", "advance", "--to", UNTIL)
                verified = victim.run("db", "verify", check=False)
                wrong = differences(expected, victim.contents()) + [str(b) for b in victim.breaches()]
                if len(gateway_book(victim.store)) != len(gateway_book(calm.store)):
                    wrong.append("the gateway's own book differs")
                if verified.returncode != 0:
                    wrong.append(verified.stdout[-500:])
                tried += 1
                if wrong:
                    failures += 1
                    print(f"FAIL {point} {n}: " + "\n  ".join(wrong))
        print(f"{kind}: killed {tried} times, {failures} ended otherwise than the undisturbed run")
        sys.exit(1 if failures or tried * 2 < len(range(1, total + 1, every)) else 0)


if __name__ == "__main__":
    main()
