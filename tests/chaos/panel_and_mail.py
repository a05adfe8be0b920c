"""A server is killed at each named point of the life of a service at its panel, of a mail, of a notice and of a card that is
to be forgotten; the same calls again bring the end of a server that nobody killed.

    panel_and_mail.py BUILD_FOLDER killed sqlite|postgresql [EVERY]
    panel_and_mail.py BUILD_FOLDER mixed sqlite|postgresql RUNS        one to three kills in each run, at points and commits chosen from
                                                                       a seed that is printed; BURSAR_CHAOS_SEED=N says it again

The panel never looks into its book before it acts, so the book tells what it was asked to do and how often: one account for
a service, none left over, none of another's. The channel writes each mail that goes out as one line: at most two of one
message after a kill, to one person. A point that is never reached fails.
"""
import collections
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, commits, mail_faults, stores, wrongs  # noqa: E402
from payments import NOT_ASKED, Desk, later, seeded, several_deaths  # noqa: E402
from refunds import PASSWORD, STAFF, Gone, usd  # noqa: E402

ACTING = ("begun", "answered", "applying", "settled")
# The server is killed at a point when it is reached for that many times; and where two are named, the next one as well, when it
# asks about what the first left in flight. The panel's acts in the story: two services are made (2 is not answered), 3 is
# suspended, 4 comes back, 5 is suspended without an answer, 6 and 7 are terminated.
POINTS = (
    [[(f"provision.{point}", number)] for number in range(1, 8) for point in ACTING]
    + [[(f"change_plan.{point}", number)] for number in (1, 2) for point in ACTING]
    + [[(f"message.{point}", number)] for number in (1, 3) for point in ACTING]
    + [[(f"{kind}.{point}", 1)] for kind in ("notice", "detach") for point in ACTING]
    + [[(f"{kind}.{point}", 1), (f"{kind}.{again}", 1)] for kind in ("provision", "change_plan", "message", "notice", "detach")
       for point in ("begun", "answered") for again in ("asked", "told")]
)
PRODUCTS = ("box", "box-large", "silent", "silent-large")


def opened(build, folder, name, make):
    book = Book(build, folder / name, make(name))
    book.config.write_text(book.config.read_text().replace(
        "servers: {plugin: manual}", f"servers: {{plugin: careless_panel, config: {{book: {book.store.outside}/panel.book}}}}"))
    return book


def prepare(book):
    """Four products that the panel makes, and a customer with a card."""
    book.seed()
    desk = Desk(book, {})
    have = desk.have
    have["staff"] = desk.server.must(201, "POST", "/sessions", {"email": STAFF, "password": PASSWORD})["token"]
    have["start"] = desk.now()
    for place, code in enumerate(PRODUCTS):
        have[code] = desk.server.must(201, "POST", "/catalog/products", {
            "code": code, "name": code.capitalize(), "panel": "servers",
            "prices": [{"cycle": "1m", "amount": usd(f"{10 + 5 * place}.00")}]}, token=have["staff"])["id"]
    have["customer account"] = desk.server.must(201, "POST", "/registrations", {
        "name": "Petra Panel", "email": "petra@example.com", "password": "correct horse battery", "currency": "USD",
        "address": {"street": "1 Main Street", "city": "Portland", "region": "OR", "postal_code": "97201", "country": "US"}})["account_id"]
    have["customer"] = desk.server.must(201, "POST", "/sessions", {"email": "petra@example.com", "password": "correct horse battery"})["token"]
    have["card"] = desk.post(f"/accounts/{have['customer account']}/payment-methods",
                             {"gateway": "cards", "token": "tok_success", "label": "Card"}, "card")["id"]
    desk.go_to(later(have["start"], 60))  # what the demonstration and the registration had to do is done
    assert desk.stop() == 0
    (book.store.outside / "messages.jsonl").write_text("")
    have["start"] = later(have["start"], 60)
    return have


def story(desk):
    """A life of two services, each act after the one before has come to its end."""
    have, hour = desk.have, 0

    def wait():
        nonlocal hour
        hour += 1
        desk.go_to(later(have["start"], hour * 3600))

    def order(code):
        placed = desk.post(f"/accounts/{have['customer account']}/orders", {"items": [{"product_id": have[code], "cycle": "1m"}]}, code)
        desk.pay(placed["invoice_id"], "pay-" + code)
        wait()
        return placed["service_ids"][0]

    def operate(service, what):
        desk.post(f"/services/{service}/operations/{what}", {"reason": "a test"}, f"{what}-{service}", "staff", 200)
        wait()

    def change(service, code):
        asked = desk.post(f"/services/{service}/change", {"product_id": have[code]}, "change-" + code)
        desk.pay(asked["invoice_id"], "pay-" + code)
        wait()

    sound, silent = order("box"), order("silent")
    operate(sound, "suspend")
    operate(sound, "unsuspend")
    change(sound, "box-large")
    change(silent, "silent-large")
    operate(silent, "suspend")
    operate(silent, "terminate")
    operate(sound, "terminate")
    gone = desk.server.call("DELETE", f"/accounts/{have['customer account']}/payment-methods/{have['card']}", token=have["customer"])
    assert gone[0] in (204, 404), gone
    wait()
    wait()


END = {
    "services": "SELECT status, desired_state, actual_state FROM services WHERE panel = 'servers'",
    "plans": "SELECT status, plan_state FROM service_changes",
    "invoices": "SELECT status, total, balance FROM invoices",
    "payments": f"SELECT status, received FROM payments WHERE decline_code <> '{NOT_ASKED}'",
    "methods": "SELECT label, status, token FROM payment_methods WHERE label = 'Card'",
    "messages": "SELECT template, recipient, status FROM messages",
    "effects": f"SELECT kind, state FROM effects WHERE object_id NOT IN (SELECT id FROM payments WHERE decline_code = '{NOT_ASKED}')",
    "tasks": "SELECT kind, status FROM staff_tasks",
}


def end_of(book):
    """Mails are sent twice at most: one whose outcome two deaths took away is parked, for a person who looks into the channel's log."""
    end = stored_end(book)
    end["messages"] = sorted((*row[:2], "sent" if row[2] == "unknown" else row[2]) for row in end["messages"])
    end["effects"] = sorted(("message", "done") if row == ("message", "parked") else row for row in end["effects"])
    return end


def stored_end(book):
    return {name: sorted(rows) for name, rows in zip(END, book.store.answers(END.values()))}


def acts(book):
    """What the panel did for each service of the story, in order: by reference and product. The demonstration has services there too."""
    found = collections.defaultdict(list)
    for line in book.store.lines("panel.book"):
        act, service, reference, product = line.split(" ")
        if product in PRODUCTS:
            found[service].append((act, reference, product))
    return found


def lives(book):
    """The same without names; a plan may be told more than once, which changes nothing."""
    out = []
    for done in acts(book).values():
        life = [(act, product) for act, _, product in done]
        out.append([one for place, one in enumerate(life) if one[0] != "change_plan" or one != life[place - 1]])
    return sorted(out)


def panel_faults(book):
    out = []
    for service, done in acts(book).items():
        made = [reference for act, reference, _ in done if act == "create"]
        if len(made) != 1:
            out.append(f"{len(made)} accounts were made for {service}")
        strangers = {reference for _, reference, _ in done} - set(made)
        if strangers:
            out.append(f"{service} acted on {strangers}, which were not made for it")
    ours = [reference for (reference,) in book.store.rows("SELECT panel_reference FROM services WHERE panel_reference <> ''")]
    theirs = [reference for done in acts(book).values() for act, reference, _ in done if act == "create"]
    if not set(theirs) <= set(ours):
        out.append(f"nobody knows of the accounts {set(theirs) - set(ours)}")
    return out


def check_calm(book, end):
    assert [len(life) for life in lives(book)] == [5, 4], lives(book)
    assert not mail_faults(book, most=1), mail_faults(book, most=1)
    assert stored_end(book) == end, "something was parked"
    kinds = {kind for kind, _ in end["effects"]}
    assert kinds >= {"provision", "change_plan", "message", "notice", "detach"}, kinds
    assert {state for _, state in end["effects"]} == {"done"}, end["effects"]
    assert {row[1:] for row in end["services"] if row[0] == "terminated"} == {("terminated", "terminated")}, end["services"]


def disturbed(before, victim, have, expected, expected_lives, deaths, must_reach):
    victim.store.copy_from(before.store)
    wrong = []
    for point, number in deaths:
        desk = Desk(victim, have, {"BURSAR_FAILPOINT": f"{point}=kill@{number}"})
        try:
            story(desk)
        except Gone:
            pass
        except AssertionError as refused:
            wrong.append(f"a call was answered {refused}")
        code = desk.stop() if desk.server.process.poll() is None else desk.server.process.wait()
        if must_reach and code != -signal.SIGKILL:
            return [f"the point {point} was never reached for the {number}. time"]
    desk = Desk(victim, have)
    try:
        story(desk)
    except AssertionError as refused:
        wrong.append(f"a call was answered {refused}")
    desk.stop()
    wrong += panel_faults(victim) + wrongs(victim, expected, end_of)
    if len(deaths) < 2 and (unclear := [row for row in stored_end(victim)["messages"] if row[2] != "sent"]):
        wrong.append(f"not sent though one death leaves a second try: {unclear}")
    return wrong + ([] if lives(victim) == expected_lives else [f"the panel did {lives(victim)}, not {expected_lives}"])


def main(build, form, kind, number):
    with tempfile.TemporaryDirectory(prefix="bursar-panel.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        make = stores(kind, folder)
        before, calm, victim = (opened(build, folder, name, make) for name in ("before", "calm", "victim"))
        have = prepare(before)
        calm.store.copy_from(before.store)
        counter = folder / "commits"
        desk = Desk(calm, have, {"BURSAR_FAILPOINT_COUNT": str(counter)})
        story(desk)
        assert desk.stop() == 0
        expected, expected_lives = end_of(calm), lives(calm)
        assert not panel_faults(calm), panel_faults(calm)
        check_calm(calm, expected)
        ways = POINTS[::number] if form == "killed" else several_deaths(seeded(), POINTS, commits(counter), number)
        failures = 0
        for deaths in ways:
            if wrong := disturbed(before, victim, have, expected, expected_lives, deaths, form == "killed"):
                failures += 1
                print(f"FAIL {deaths}: " + "\n  ".join(wrong), flush=True)
        print(f"{kind}: disturbed {len(ways)} times; of the points there are {len(POINTS)}; {failures} ended otherwise than the"
              " undisturbed server")
        return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 1))
