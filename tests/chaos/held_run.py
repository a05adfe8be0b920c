"""A run that waits for staff is approved, and goes on once, whatever becomes of the servers.

    held_run.py BUILD_FOLDER sqlite|postgresql [EVERY]

By a slip every suspension needs an approval: five evenings pass, runs are held and take over the work of the ones before, and
nothing is suspended. Then the last is approved
- by one server that nobody disturbs: what is right;
- by a server that is killed with SIGKILL just before and just after each EVERYth of its durable commits, and started again;
- on PostgreSQL by two servers at the same moment: one decides, and both may resume.
"""
import http.client
import signal
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, commits, stores, wrongs  # noqa: E402
from provider import UNTIL, Server, prepare  # noqa: E402

SLIP = "\n  breaker: {suspend: {count: 0}}\nbilling:"
PRESSED = "SELECT count(*) FROM messages WHERE template = 'suspended'"


def picture(book):
    """Whom the held steps reached, and that they were told. Servers charge while a run goes on, so whom they remind is a matter of speed."""
    found = book.picture()
    held = {"suspension", "termination"}
    return {"services": found["services"], "cancellations": found["cancellations"], "runs": found["runs"],
            "steps": [row for row in found["steps"] if row[1] in held], "checks": [row for row in found["checks"] if row[1] in held],
            "messages": [row for row in found["messages"] if row[2] in ("suspended", "terminated", "run_held")]}


def slip(book):
    text = book.config.read_text()
    assert "\nbilling:" in text
    book.config.write_text(text.replace("\nbilling:", SLIP, 1))


def held_run(server):
    return server.call("GET", "/scheduler/jobs/daily")["held_run"]


def approve(server, run):
    return server.ask("POST", "/scheduler/jobs/daily/approval", {"run_id": run["id"], "decision": "approve", "reason": "as planned"})


def go_on(server):
    """Approves what is held, and answers when the run is over and its effects are done."""
    run = held_run(server)
    if run:
        status, answer = approve(server, run)
        assert status == 200, answer
    server.call("PUT", "/test-clock", {"now": UNTIL})
    assert held_run(server) is None


def finish(book, environment=None):
    server = Server(book, environment)
    server.log_in()
    go_on(server)
    server.stop()


def killed(book, point, number):
    """Whether the server came to that commit before all was done."""
    try:
        server = Server(book, {"BURSAR_FAILPOINT": f"{point}=kill@{number}"})
    except SystemExit:
        return True  # while it started
    try:
        server.log_in()
        go_on(server)
    except (OSError, http.client.HTTPException):
        pass
    server.process.send_signal(signal.SIGTERM)
    server.log.close()
    return server.process.wait(60) == -signal.SIGKILL


def together(books):
    servers = [Server(book) for book in books]
    for server in servers:
        server.log_in()
    run, answers = held_run(servers[0]), []
    threads = [threading.Thread(target=lambda one=server: answers.append(approve(one, run))) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for server in servers:
        server.call("PUT", "/test-clock", {"now": UNTIL})
    for server in servers:
        server.stop()
    found = sorted((status, answer.get("code", "")) for status, answer in answers)
    return [] if found == [(200, ""), (409, "run_not_held")] else [f"two approvals at once were answered {found}"]


def main():
    build, kind = sys.argv[1], sys.argv[2]
    every = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory(prefix="bursar-chaos.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        make = stores(kind, folder)
        before, calm, victim = (Book(build, folder / name, make(name)) for name in ("before", "calm", "victim"))
        prepare(before)
        for book in (before, calm, victim):
            slip(book)
        pressed = before.store.rows(PRESSED)
        before.run("clock", "advance", "--to", UNTIL)
        assert before.store.rows(PRESSED) == pressed, "something was suspended without an approval"

        calm.store.copy_from(before.store)
        counter = folder / "commits"
        finish(calm, {"BURSAR_FAILPOINT_COUNT": str(counter)})
        expected, total = picture(calm), commits(counter)
        wrong = wrongs(calm, expected, picture)
        if calm.store.rows(PRESSED) == pressed:
            wrong.append("nothing was suspended though it was approved")
        failures, tried = [("undisturbed", wrong)] if wrong else [], 0
        for point in ("before_commit", "after_commit"):
            for number in range(1, total + 1, every):
                victim.store.copy_from(before.store)
                if not killed(victim, point, number):
                    continue
                tried += 1
                finish(victim)
                if wrong := wrongs(victim, expected, picture):
                    failures.append((f"{point} {number}", wrong))
        if kind == "postgresql":
            victim.store.copy_from(before.store)
            second = Book(build, folder / "second", victim.store)
            slip(second)
            if wrong := together([victim, second]) + wrongs(victim, expected, picture):
                failures.append(("two servers", wrong))
        for where, wrong in failures:
            print(f"FAIL {where}: " + "\n  ".join(wrong), flush=True)
        print(f"{kind}: {total} durable commits, killed {tried} times, {len(failures)} ended otherwise than undisturbed")
        sys.exit(1 if failures or tried * 2 < len(range(1, total + 1, every)) else 0)


main()
