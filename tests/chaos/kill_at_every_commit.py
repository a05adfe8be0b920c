"""Kills the daily run with SIGKILL just before and just after each of its durable commits in turn, starts it again, and
asks that the book ends as if it had never been killed.

    kill_at_every_commit.py BUILD_FOLDER sqlite|postgresql [EVERY [CUSTOMERS]]

What the runs do is told in provider.py. EVERY = 7 tries every seventh commit only (the quick form); CUSTOMERS is the
size of the provider beside those of the demonstration.
"""
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, commits, stores, wrongs  # noqa: E402
from provider import EVE, FEWEST, UNTIL, idle_steps, prepare  # noqa: E402


def main():
    build, kind = sys.argv[1], sys.argv[2]
    every = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    customers = int(sys.argv[4]) if len(sys.argv) > 4 else FEWEST
    with tempfile.TemporaryDirectory(prefix="bursar-chaos.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        make = stores(kind, folder)
        before, calm, victim = (Book(build, folder / name, make(name), chunk=max(3, customers // 20))
                                for name in ("before", "calm", "victim"))
        prepare(before, customers)

        calm.store.copy_from(before.store)
        counter = folder / "commits"
        calm.run("clock", "advance", "--to", UNTIL, environment={"BURSAR_FAILPOINT_COUNT": str(counter)})
        expected, total = calm.picture(), commits(counter)
        assert not calm.breaches(), calm.breaches()
        assert not idle_steps(calm, EVE), f"the runs under test leave out {idle_steps(calm, EVE)}"
        print(f"{kind}: {total} durable commits in the undisturbed runs; {len(expected['invoices'])} invoices, "
              f"{len(expected['payments'])} payments, {len(expected['messages'])} messages", flush=True)

        failures = tried = 0
        for point in ("before_commit", "after_commit"):
            for n in range(1, total + 1, every):
                victim.store.copy_from(before.store)
                killed = victim.run("clock", "advance", "--to", UNTIL, check=False,
                                    environment={"BURSAR_FAILPOINT": f"{point}=kill@{n}"})
                # Commits that wait together share one sync, so there may be a few fewer than in the calm run.
                if killed.returncode == 0:
                    continue
                wrong = [] if killed.returncode == -signal.SIGKILL else [f"exit {killed.returncode} {killed.stderr[-300:]}"]
                victim.run("clock", "advance", "--to", UNTIL)
                wrong += wrongs(victim, expected)
                tried += 1
                if wrong:
                    failures += 1
                    print(f"FAIL {point} {n}: " + "\n  ".join(wrong), flush=True)
        print(f"{kind}: killed {tried} times, {failures} ended otherwise than the undisturbed run")
        sys.exit(1 if failures or tried * 2 < len(range(1, total + 1, every)) else 0)


main()
