"""Payments through the HTTP API of the real binary, on either backend.

    payments.py BUILD_FOLDER killed sqlite|postgresql [EVERY]   the server is killed at each named point of a payment's life in
                                                                turn; the same calls again bring the end of a server that
                                                                nobody killed. A point that is never reached fails.
    payments.py BUILD_FOLDER mixed sqlite|postgresql RUNS       the same, killed one to three times in each run, at points and commits
                                                                chosen from a seed that is printed; BURSAR_CHAOS_SEED=N says it again
    payments.py BUILD_FOLDER at_once sqlite|postgresql          many people act on the same money at the same moment

The sandbox gateway is the other side. Its book lies outside of Bursar's store and says what it took, what it gave back and what it was asked for
twice; it must be ours, item by item, and nothing may have been asked for twice.
"""
import collections
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, commits, stores, wrongs  # noqa: E402
from refunds import PASSWORD, STAFF, Gone, Server, cents, seconds, usd  # noqa: E402

NOT_ASKED = "gateway_unreachable"
AGAIN = ("", "-again", "-once-more", "-at-last")  # a request dies with its server at most so often
SECRET = "a-webhook-secret-of-this-test"
ACTING = ("begun", "answered", "applying", "settled")
# Where the server is killed: the point, and the how manieth time it is reached in the script below. The points of a charge
# are those of a customer's payment (1), of one whose answer is lost (2), of one that waits for its customer (3), of one that
# they approve (4) and of auto-pay (6). The approved ones are completed when the customer is back (1), the other one without
# an answer (2). Setups are answered (1), or not (2).
POINTS = (
    [("payment.recorded", 1), ("payment.recorded", 2), ("payment.recorded", 3)]
    + [(f"charge.{point}", number) for point in ACTING for number in (1, 2, 3, 4, 6)]
    + [(f"complete.{point}", number) for point in ACTING for number in (1, 2)]
    + [("complete.asked", 1), ("complete.told", 1)]
    + [("setup.recorded", 1), ("setup.recorded", 2)]
    + [(f"setup.{point}", number) for point in ACTING for number in (1, 2)]
    + [("setup.asked", 1), ("setup.told", 1)]
    + [("charge.asked", 1), ("charge.told", 1)]
    + [(f"webhook.{point}", number) for point in ("received", "begun", "answered", "applying", "settled") for number in (1, 2)]
    + [(f"refund.{point}", number) for point in ("begun", "answered", "applying", "settled") for number in (1, 2)]
    + [("refund.asked", 1), ("refund.told", 1)]
)
# A request that nobody read to its end is read again by the next server.
ASKING_POINTS = [[(f"webhook.{point}", 1), (f"webhook.{again}", 1)] for point in ("begun", "answered") for again in ("asked", "told")]
# Of the story of a page that nobody answers. What a killed server left in flight is asked about by the next one, which is
# killed as well.
LAPSING_POINTS = (
    [[(f"void.{point}", 1)] for point in ACTING]
    + [[(f"void.{point}", 1), (f"void.{again}", 1)] for point in ("begun", "answered") for again in ("asked", "told")]
)
# Of the story of one payment for seven invoices, whose answer is lost (1), of a deposit (2) and of one that credit pays a part
# of (3). It is also killed before and after each of its durable commits.
COVERING_POINTS = (
    [[("payment.recorded", number)] for number in (1, 2, 3)]
    + [[(f"charge.{point}", number)] for point in ACTING for number in (1, 2, 3)]
    + [[("charge.begun", 1), ("charge.asked", 1)], [("charge.answered", 1), ("charge.told", 1)]]
)
GATEWAYS = ("cards", "wallet")  # both are sandboxes; a page of the wallet waits for a month


class Desk:
    """A server with everyone who calls it. With `answered` they remember what was answered by an earlier server, and say again only
    what was not; without, they say everything again."""

    def __init__(self, book, have, environment=None, answered=None):
        self.server, self.have, self.answered = Server(book, environment), have, answered

    def stop(self):
        return self.server.stop()

    def post(self, path, body, key, who="customer", expected=201):
        if self.answered is not None and key in self.answered:
            return self.answered[key]
        status, answer = self.server.call("POST", path, body, token=self.have[who], key=key)
        if status == 409 and answer["code"] == "idempotency_key_in_flight":
            self.go_to(later(self.now(), 3 * 60))  # the key is held for a request that died
            status, answer = self.server.call("POST", path, body, token=self.have[who], key=key)
        assert status == expected, (path, status, answer)
        if self.answered is not None:
            self.answered[key] = answer
        return answer

    def get(self, path):
        return self.server.must(200, "GET", path, token=self.have["staff"])

    def now(self):
        return self.get("/test-clock")["now"]

    def go_to(self, instant):
        if self.now() < instant:
            self.server.must(200, "PUT", "/test-clock", {"now": instant}, token=self.have["staff"])

    def tell(self, event):
        """A signed webhook of the sandbox; answers the status."""
        body, at = json.dumps(event).encode(), seconds(self.now())
        signature = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Sandbox-Signature": f"t={at},v1={signature}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port or 1, timeout=60)
        try:
            connection.request("POST", "/api/v1/webhooks/cards", body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException) as error:
            raise Gone from error
        finally:
            connection.close()

    def invoice(self, amount, key, due="2027-06-01", who="customer"):
        line = {"description": "Server", "unit_price": usd(amount)}
        return self.post("/invoices", {"account_id": self.have[who + " account"], "due_on": due, "lines": [line]}, key, "staff")["id"]

    def save_card(self, who, key):
        """Begins to save a card at the gateway's page. Where the gateway was certainly not asked, the customer begins again."""
        account = f"/accounts/{self.have[who + ' account']}"

        for again in AGAIN:
            setup = self.post(f"{account}/payment-methods", {"gateway": "cards"}, key + again, who)
            path = f"{account}/payment-method-setups/{setup['id']}"
            if self.server.must(200, "GET", path, token=self.have[who])["decline_code"] != NOT_ASKED:
                break
        return path

    def pay(self, invoice, key, who="customer"):
        """Where the gateway was certainly not asked, the payment has failed and the customer pays once more."""
        return self.once_more(self.post(f"/invoices/{invoice}/payments", {"gateway": "cards"}, key, who), f"/invoices/{invoice}", key, who)

    def once_more(self, payment, of, key, who="customer", body=None):
        for again in AGAIN[1:]:
            if payment["status"] == "unknown":
                payment = self.get("/payments/" + payment["id"])  # reading asks the gateway
            if payment["decline_code"] != NOT_ASKED:
                break
            payment = self.post(f"{of}/payments", {"gateway": "cards"} | (body or {}), key + again, who)
            if "payments" in payment:  # of a mass payment, every attempt
                payment = next((one for one in payment["payments"] if one["decline_code"] != NOT_ASKED), payment["payments"][0])
        return payment


def later(instant, of_seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds(instant) + of_seconds))


def prepare(book):
    """A customer with a saved card, one whose card is saved without an answer, and one whose card asks for its owner."""
    book.seed()
    desk = Desk(book, {})
    server, have = desk.server, desk.have
    have["staff"] = server.must(201, "POST", "/sessions", {"email": STAFF, "password": PASSWORD})["token"]
    have["start"] = desk.now()

    def join(who, name, email):
        have[who + " account"] = server.must(201, "POST", "/registrations", {
            "name": name, "email": email, "password": "correct horse battery", "currency": "USD",
            "address": {"street": "1 Main Street", "city": "Portland", "region": "OR", "postal_code": "97201", "country": "US"}})["account_id"]
        have[who] = server.must(201, "POST", "/sessions", {"email": email, "password": "correct horse battery"})["token"]

    join("customer", "Paula Pay", "paula@example.com")
    join("other", "Tim Timeout", "tim+timeout@example.com")
    join("absent", "Vera Void", "vera@example.com")
    desk.post(f"/accounts/{have['customer account']}/payment-methods", {"gateway": "cards", "token": "tok_success", "label": "Card"}, "card")
    absent = f"/accounts/{have['absent account']}"
    desk.post(f"{absent}/payment-methods", {"gateway": "wallet", "token": "tok_action", "label": "Asks"}, "card", "absent")
    server.must(200, "PUT", f"{absent}/autopay", {"enabled": True}, token=have["absent"])
    have["absent invoice"] = desk.invoice("12.50", "absent", later(have["start"], 3 * 86400)[:10], "absent")
    assert desk.stop() == 0
    return have


def script(desk):
    """Every kind of payment once; each call can be said again and changes nothing more."""
    start = desk.have["start"]
    first = desk.pay(desk.invoice("60.00", "invoice-1"), "pay-1")
    lost = desk.pay(desk.invoice("40.05", "invoice-2"), "pay-2")   # taken, and the answer is lost
    waits = desk.pay(desk.invoice("40.03", "invoice-3"), "pay-3")  # the customer has to confirm
    approved = [desk.pay(desk.invoice(amount, f"invoice-{key}"), f"pay-{key}") for key, amount in ((5, "40.10"), (6, "40.11"))]
    saving = [(who, desk.save_card(who, f"setup-{who}")) for who in ("customer", "other")]
    assert desk.tell({"id": "evt-1", "type": "payment.succeeded", "payment": waits["id"], "reference": "sandbox-" + waits["id"],
                      "amount": {"minor": 4003, "currency": "USD"}}) == 200
    assert desk.tell({"id": "evt-2", "type": "payment.updated", "payment": lost["id"]}) == 200
    desk.go_to(later(start, 3600))
    desk.post(f"/payments/{first['id']}/refunds", {"reason": "goodwill", "amount": usd("3.00")}, "refund-1", "staff")
    desk.go_to(later(start, 2 * 3600))
    # Sent, and the answer is lost.
    desk.post(f"/payments/{first['id']}/refunds", {"reason": "goodwill", "amount": usd("41.05")}, "refund-2", "staff")
    desk.go_to(later(start, 3 * 3600))
    # The customers are back from the gateway's pages: what they approved is taken, and their cards are saved.
    desk.go_to(later(start, 7 * 3600))
    for payment in approved:
        desk.get("/payments/" + payment["id"])
    for who, setup in saving:
        desk.server.must(200, "GET", setup, token=desk.have[who])
    # Auto-pay on the day that the last invoice is due.
    desk.invoice("12.00", "invoice-4", later(start, 86400)[:10])
    desk.server.must(200, "PUT", f"/accounts/{desk.have['customer account']}/autopay", {"enabled": True}, token=desk.have["customer"])
    desk.go_to(later(start, 3 * 86400))


def lapsing(desk):
    """Auto-pay's page is answered by nobody. Two days later it is let go of, and its owner pays otherwise before the next try."""
    start, invoice = desk.have["start"], desk.have["absent invoice"]
    desk.go_to(later(start, 6 * 86400))
    desk.pay(invoice, "pay-otherwise", "absent")
    desk.go_to(later(start, 6 * 86400 + 22 * 3600))  # the evening of the next try is over, and no session is


MASS = [("5.00", 6), ("10.05", 1)]  # 40.05 together: the gateway takes it and loses its answer
CREDITED = ("20.00", "40.00")


def covering(desk):
    """One payment for seven invoices, credit that is bought, an invoice that it pays, and one that it pays a part of."""
    account = f"/accounts/{desk.have['customer account']}"
    invoices = [desk.invoice(amount, f"mass-{amount}-{n}") for amount, count in MASS for n in range(count)]
    mass = desk.post(f"{account}/mass-payments", {"invoice_ids": invoices, "gateway": "cards"}, "mass")
    desk.once_more(mass["payments"][0], f"/mass-payments/{mass['id']}", "mass")
    deposit = desk.post(f"{account}/deposits", {"amount": usd("50.00"), "gateway": "cards"}, "deposit")
    desk.once_more(deposit, f"/invoices/{deposit['invoice_id']}", "deposit")
    first, second = [desk.invoice(amount, f"credited-{amount}") for amount in CREDITED]
    desk.post(f"/invoices/{first}/credit", {}, "credit", expected=200)
    partly = desk.post(f"/invoices/{second}/payments", {"gateway": "cards", "use_credit": True}, "partly")
    desk.once_more(partly, f"/invoices/{second}", "partly", body={"use_credit": True})
    desk.go_to(later(desk.have["start"], 3 * 3600))


def torn(book):
    """What one act shares out is there as a whole or not at all, whenever the server died."""
    [(paid,)] = book.store.rows("SELECT count(*) FROM allocations WHERE payment_id IN (SELECT id FROM payments WHERE mass_payment_id IS NOT NULL)")
    [(used,)] = book.store.rows("SELECT coalesce(sum(amount), 0) FROM allocations WHERE payment_id IS NULL")
    out = [] if int(paid) in (0, 7) else [f"the payment for seven invoices was given to {paid}"]
    return out + ([] if int(used) in (0, 2000, 5000) else [f"{used} of the credit was used"]) + [str(breach) for breach in book.breaches()]


def our_book(desk):
    payments, cursor = [], ""
    while True:
        page = desk.get("/payments?limit=100" + cursor)
        payments += [payment for payment in page["data"] if payment["gateway"] in GATEWAYS and cents(payment["received"])]
        if not page["next_cursor"]:
            break
        cursor = "&cursor=" + page["next_cursor"]
    book = {}
    for payment in payments:
        refunds = desk.get(f"/payments/{payment['id']}/refunds?limit=100")["data"]
        gone = sum(cents(r["amount"]) for r in refunds if r["destination"] == "gateway" and r["status"] == "succeeded")
        book[payment["id"]] = (cents(payment["received"]), gone)
    return book


def books_differ(desk, store):
    """The gateways' books against ours, item by item, and what moved twice in them. What a webhook told of may wait for its time there."""
    ours, taken, wrong = our_book(desk), {}, []
    for gateway in GATEWAYS:
        book = store.gateway(gateway)
        wrong += book.faults()
        taken |= {payment: (minor, sum(refunds.values())) for payment, (state, minor, refunds) in book.payments().items()
                  if state == "charged" or payment in ours}
    return wrong + [f"{payment}: ours {ours.get(payment)}, theirs {taken.get(payment)}" for payment in sorted(ours.keys() | taken.keys())
            if ours.get(payment) != taken.get(payment)]


END = {
    "payments": f"SELECT origin, status, amount, received, refunded FROM payments WHERE gateway IN {GATEWAYS} AND "
                f"decline_code <> '{NOT_ASKED}'",
    "refunds": "SELECT destination, status, amount FROM refunds",
    "invoices": "SELECT status, total, balance FROM invoices",
    "postings": "SELECT e.kind, p.ledger_account, p.amount FROM postings p JOIN journal_entries e ON e.id = p.entry_id",
    "credit": "SELECT currency, amount FROM credit_balances WHERE amount <> 0",
    # Whether an event had something to tell depends on who was faster.
    "events": "SELECT event_id, CASE WHEN status = 'ignored' THEN 'applied' ELSE status END FROM webhook_events",
    "setups": f"SELECT gateway, status FROM method_setups WHERE decline_code <> '{NOT_ASKED}'",
    "methods": "SELECT gateway, label, status FROM payment_methods",
    "effects": "SELECT kind, state FROM effects WHERE kind IN ('charge', 'complete', 'refund', 'setup', 'void') AND object_id NOT IN "
               f"(SELECT id FROM payments WHERE decline_code = '{NOT_ASKED}' UNION ALL SELECT id FROM method_setups WHERE "
               f"decline_code = '{NOT_ASKED}')",
    "tasks": "SELECT kind, status FROM staff_tasks",
    "messages": "SELECT template, recipient FROM messages",
}


def end_of(book):
    return {name: sorted(rows) for name, rows in zip(END, book.store.answers(END.values()))}


def opened(build, folder, name, make):
    book = Book(build, folder / name, make(name))
    text = book.config.read_text().replace("settle_after: 2d", f"settle_after: 6h, webhook_secret: {SECRET}", 1).replace(
        "    bank:", f"    wallet: {{plugin: sandbox, config: {{settle_after: 30d, book_file: {book.store.outside}/wallet.book}}}}\n    bank:")
    book.config.write_text(text.replace("billing:\n", "billing:\n  apply_credit_to_new_invoices: false\n"))
    return book


def check_calm(story, end):
    """That the undisturbed server went through what is to be disturbed."""
    payments = [row[:2] for row in end["payments"]]
    if story is covering:
        assert ("customer", "succeeded", "4005", "4005", "0") in [tuple(map(str, row)) for row in end["payments"]], end
        assert not end["credit"] and [row[0] for row in end["invoices"]].count("open") == 1, end
        return
    if story is lapsing:
        assert payments.count(("autopay", "failed")) == 1 and end["effects"].count(("void", "done")) == 1, end
        assert end["messages"].count(("action_required", "vera@example.com")) == 1, end
        return
    assert [status for _, status in payments].count("succeeded") >= 4 and len(end["refunds"]) == 2, end
    assert [row[1] for row in end["setups"]] == ["succeeded"] * 2, end
    assert end["methods"].count(("cards", "Test card ending 4242", "active")) == 2, end


# By story, the points that its server is killed at in turn.
STORIES = {script: [[death] for death in POINTS] + ASKING_POINTS, lapsing: LAPSING_POINTS, covering: COVERING_POINTS}


def all_ways():
    return [way for ways in STORIES.values() for way in ways]


def killed(build, kind, every):
    def disturbances(story, total):
        commits_too = [[(point, n)] for point in ("before_commit", "after_commit") for n in range(1, total + 1)] if story is covering else []
        return (STORIES[story] + commits_too)[::every]
    return compared(build, kind, disturbances)


def mixed(build, kind, runs):
    dice = seeded()
    return compared(build, kind, lambda story, total: several_deaths(dice, STORIES[story], total, runs), must_reach=False)


def seeded():
    seed = int(os.environ.get("BURSAR_CHAOS_SEED", random.SystemRandom().randrange(10**9)))
    print(f"BURSAR_CHAOS_SEED={seed}", flush=True)
    return random.Random(seed)


def several_deaths(dice, ways, total, runs):
    """For each run one to three places to die at: points that `ways` name, or any of `total` commits."""
    points = [point for way in ways for point in way]
    anywhere = [(point, n) for point in ("before_commit", "after_commit") for n in range(1, total + 1)]
    return [[dice.choice(dice.choice((points, anywhere))) for _ in range(dice.randint(1, 3))] for _ in range(runs)]


def compared(build, kind, disturbances, must_reach=True):
    """Plays each story undisturbed, then with each of its disturbances, and counts what ends otherwise."""
    with tempfile.TemporaryDirectory(prefix="bursar-payments.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        make = stores(kind, folder)
        before, calm, victim = (opened(build, folder, name, make) for name in ("before", "calm", "victim"))
        have = prepare(before)
        failures = tried = 0
        for story in STORIES:
            calm.store.copy_from(before.store)
            counter = folder / "commits"
            desk = Desk(calm, have, {"BURSAR_FAILPOINT_COUNT": str(counter)})
            story(desk)
            assert not books_differ(desk, calm.store), books_differ(desk, calm.store)
            assert desk.stop() == 0
            expected, total = end_of(calm), commits(counter)
            check_calm(story, expected)
            for deaths in disturbances(story, total):
                tried += 1
                wrong = disturbed(before, victim, have, expected, story, deaths, must_reach)
                if wrong:
                    failures += 1
                    print(f"FAIL {deaths}: " + "\n  ".join(wrong), flush=True)
        print(f"{kind}: disturbed {tried} times; of the points there are {len(all_ways())};"
              f" {failures} ended otherwise than the undisturbed server")
        return 1 if failures else 0


def disturbed(before, victim, have, expected, story, deaths, must_reach):
    """What is wrong after a kill at each of the points in turn and the same calls again."""
    victim.store.copy_from(before.store)
    wrong = []
    # Several deaths may lie more days apart than a key is good for.
    answered = None if must_reach else {}
    for point, number in deaths:
        desk = Desk(victim, have, {"BURSAR_FAILPOINT": f"{point}=kill@{number}"}, answered)
        try:
            story(desk)
        except Gone:
            pass
        except AssertionError as refused:
            wrong.append(f"a call was answered {refused}")
        code = desk.stop() if desk.server.process.poll() is None else desk.server.process.wait()
        # Commits that wait together share one sync, so there may be a few fewer than in the calm run.
        if must_reach and code != -signal.SIGKILL and not point.endswith("_commit"):
            return [f"the point {point} was never reached"]
        wrong += torn(victim)
    desk = Desk(victim, have, answered=answered)
    try:
        story(desk)
        wrong += books_differ(desk, victim.store)
    except AssertionError as refused:
        wrong.append(f"a call was answered {refused}")
    desk.stop()
    return wrong + wrongs(victim, expected, end_of)


# -- many at once -----------------------------------------------------------------------------------------------------

def together(acts):
    """Runs them from as many threads, all at the same moment. Answers what each answered."""
    start = threading.Barrier(len(acts))

    def one(act):
        start.wait()
        return act()
    with concurrent.futures.ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def asking(desk, method, path, body, key=None, who="customer"):
    return lambda: desk.server.call(method, path, body, token=desk.have[who], key=key)


def race_two_tabs(desk):
    """Fifty tabs pay one invoice: one charge."""
    invoice = desk.invoice("20.00", "tabs")
    answers = together([asking(desk, "POST", f"/invoices/{invoice}/payments", {"gateway": "cards"}, f"tab-{n}") for n in range(50)])
    seen = collections.Counter((status, body.get("code", body.get("status"))) for status, body in answers)
    assert seen[201, "succeeded"] == 1, seen
    assert set(seen) <= {(201, "succeeded"), (409, "payment_in_flight"), (409, "invoice_not_open")}, seen
    assert_paid_once(desk, invoice, 2000)


def race_one_key(desk):
    """One request, sent fifty times with its key: one payment, and everyone is told of it."""
    invoice = desk.invoice("20.00", "same")
    answers = together([asking(desk, "POST", f"/invoices/{invoice}/payments", {"gateway": "cards"}, "same-key") for _ in range(50)])
    made = {body["id"] for status, body in answers if status == 201}
    assert len(made) == 1, answers[:3]
    assert {status for status, _ in answers} <= {201, 409}, collections.Counter(status for status, _ in answers)
    other = desk.server.call("POST", f"/invoices/{invoice}/payments", {"gateway": "bank"}, token=desk.have["customer"], key="same-key")
    assert other[0] == 422, other
    assert_paid_once(desk, invoice, 2000)


def race_webhook_and_page(desk):
    """The customer comes back and the gateway tells, both many times at once: booked once."""
    invoice = desk.invoice("40.03", "page")
    payment = desk.pay(invoice, "page")["id"]
    event = {"type": "payment.succeeded", "payment": payment, "reference": "sandbox-" + payment, "amount": {"minor": 4003, "currency": "USD"}}
    acts = [asking(desk, "GET", f"/payments/{payment}", None) for _ in range(20)]
    acts += [lambda n=n: (desk.tell({"id": f"evt-page-{n % 3}"} | event), None) for n in range(20)]
    statuses = collections.Counter(answer[0] for answer in together(acts))
    assert set(statuses) == {200}, statuses
    assert_paid_once(desk, invoice, 4003)


def race_autopay_and_customer(desk):
    """The daily run charges while the customer pays by hand: one charge."""
    tomorrow = later(desk.now(), 86400)
    invoice = desk.invoice("20.00", "auto", tomorrow[:10])
    desk.server.must(200, "PUT", f"/accounts/{desk.have['customer account']}/autopay", {"enabled": True}, token=desk.have["customer"])
    acts = [asking(desk, "PUT", "/test-clock", {"now": later(tomorrow, 86400)}, who="staff")]
    acts += [asking(desk, "POST", f"/invoices/{invoice}/payments", {"gateway": "cards"}, f"hand-{n}") for n in range(10)]
    answers = together(acts)
    assert answers[0][0] == 200, answers[0]
    assert {status for status, _ in answers[1:]} <= {201, 409}, answers[1:]
    desk.server.must(200, "PUT", f"/accounts/{desk.have['customer account']}/autopay", {"enabled": False}, token=desk.have["customer"])
    assert_paid_once(desk, invoice, 2000)


def race_refund_and_dispute(desk):
    """A dispute of all of it comes while staff refund: of the payment never more is counted than it brought."""
    payment = desk.pay(desk.invoice("20.00", "both"), "both")["id"]
    acts = [asking(desk, "POST", f"/payments/{payment}/refunds", {"reason": "goodwill", "amount": usd("7.00")}, f"back-{n}", "staff")
            for n in range(6)]
    acts += [lambda: (desk.tell({"id": "evt-dispute", "type": "dispute.opened", "dispute": "dp-race", "payment": payment,
                                 "amount": {"minor": 2000, "currency": "USD"}}), None) for _ in range(4)]
    answers = together(acts)
    assert {answer[0] for answer in answers} <= {200, 201, 409}, answers
    desk.go_to(later(desk.now(), 3600))
    stored = desk.get(f"/payments/{payment}")
    assert cents(stored["refunded"]) + cents(stored["disputed"]) == 2000, stored
    assert len(desk.get(f"/payments/{payment}/disputes")["data"]) == 1


def race_for_credit(desk):
    """Fifty invoices want the same 10.00 of credit: together they get 10.00."""
    balance = desk.get(f"/accounts/{desk.have['customer account']}/balance")["credit"]
    before = sum(cents(one) for one in balance)
    invoices = [desk.invoice("3.00", f"credit-{n}") for n in range(50)]
    desk.post(f"/accounts/{desk.have['customer account']}/deposits", {"amount": usd("10.00"), "gateway": "cards"}, "credit")
    answers = together([asking(desk, "POST", f"/invoices/{one}/credit", {}, f"use-{n}") for n, one in enumerate(invoices)])
    assert {status for status, _ in answers} <= {200, 201, 409}, collections.Counter(status for status, _ in answers)
    paid = sum(300 - cents(desk.get(f"/invoices/{one}")["balance"]) for one in invoices)
    left = sum(cents(one) for one in desk.get(f"/accounts/{desk.have['customer account']}/balance")["credit"])
    assert (paid, left) == (before + 1000, 0), (before, paid, left)


def assert_paid_once(desk, invoice, amount):
    found = desk.get(f"/invoices/{invoice}")
    assert (found["status"], cents(found["balance"])) == ("paid", 0), found
    payments = desk.get(f"/invoices/{invoice}/payments?limit=100")["data"]
    received = [cents(p["received"]) for p in payments if cents(p["received"])]
    assert received == [amount], payments


RACES = (race_two_tabs, race_one_key, race_webhook_and_page, race_autopay_and_customer, race_refund_and_dispute, race_for_credit)


def at_once(build, kind):
    with tempfile.TemporaryDirectory(prefix="bursar-payments.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        book = opened(build, folder, "book", stores(kind, folder))
        have = prepare(book)
        desk = Desk(book, have)
        for race in RACES:
            race(desk)
            print(f"{kind}: {race.__doc__}", flush=True)
        desk.go_to(later(desk.now(), 3 * 86400))
        assert not books_differ(desk, book.store), books_differ(desk, book.store)
        assert desk.stop() == 0
        assert not book.breaches(), book.breaches()
        book.run("db", "verify")
        return 0


if __name__ == "__main__":
    if sys.argv[2] == "at_once":
        sys.exit(at_once(sys.argv[1], sys.argv[3]))
    if sys.argv[2] == "mixed":
        sys.exit(mixed(sys.argv[1], sys.argv[3], int(sys.argv[4])))
    sys.exit(killed(sys.argv[1], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 1))
