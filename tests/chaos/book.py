"""A provider's book for tests that run the real binary: its configuration, its store on either backend, copies of it,
and what it holds, read by SQL of our own (not by the product's)."""
import collections
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

CONFIG = """\
provider:
  name: Example Hosting
  country: US
  address: {{street: 1 Main Street, city: Portland, region: OR, postal_code: "97201"}}
  timezone: America/Los_Angeles
  currencies: [USD, EUR]
server: {{listen: "127.0.0.1:0", public_url: "http://localhost:8080"}}
database: {{url: "{url}"}}
clock: test
scheduler:
  daily: {{cron: "0 19 * * *", timezone: America/Los_Angeles, catch_up: true}}
billing:
  generate_days_before_due: 2
  autopay: {{days_before_due: 0, retry_after_days: [1, 3]}}
  reminders: {{before_due: [1], after_due: [1, 3, 7]}}
  late_fee: {{after_days: 5, percent: "5", minimum: {{USD: "1.00", EUR: "1.00"}}}}
  suspend_after_days: 5
  terminate_after_days: 7
  apply_credit_to_open_invoices: true
  chunk_accounts: {chunk}
log: {{level: {log}}}
plugins:
  directory: {plugins}
  instances:
    cards: {{plugin: sandbox, config: {{settle_after: 2d, book_file: "{outside}/cards.book"}}}}
    bank: {{plugin: bank-transfer, config: {{account_holder: Example Hosting Inc., bank: Example Bank, account_number: "000123456789"}}}}
    mail: {{plugin: log, config: {{file: "{outside}/messages.jsonl"}}}}
    servers: {{plugin: manual}}
"""


class Outside:
    """What the world beyond an installation remembers, in append-only files beside its store: the gateways' books, the panel's, the
    messages that went out. A kill or a lost store takes nothing from it."""

    def __init__(self, folder):
        self.outside = Path(folder)
        self.outside.mkdir(parents=True, exist_ok=True)

    def copy_outside_from(self, other):
        shutil.rmtree(self.outside)
        shutil.copytree(other.outside, self.outside)

    def lines(self, name):
        file = self.outside / name
        return file.read_text().splitlines() if file.exists() else []

    def gateway(self, instance):
        """The book of a sandbox gateway (its README tells the form)."""
        return GatewayBook(self.lines(instance + ".book"))


class GatewayBook:
    def __init__(self, lines):
        self.values = {}    # as they are in the end
        self.again = []     # calls that asked for what was done already
        self.moves = collections.Counter()  # how often money moved for a payment ("payment/...") or a refund ("refund/...")
        for line in lines:
            word, *rest = line.split("\t")
            if word == "again":
                self.again.append(tuple(rest))
                continue
            key, value = rest[0], rest[1].replace("\\n", "\n")
            if key.startswith("payment/"):
                before, after = facts_of(self.values.get(key, "")), facts_of(value)
                if after["state"] == "charged" and before.get("state") != "charged":
                    self.moves[key] += 1
                for refund in after["refunds"].keys() - before.get("refunds", {}).keys():
                    self.moves["refund/" + refund] += 1
            self.values[key] = value

    def payments(self):
        """By payment: state, what was or will be charged, and what was given back by refund."""
        found = {key.removeprefix("payment/"): facts_of(value) for key, value in self.values.items() if key.startswith("payment/")}
        return {payment: (facts["state"], int(facts["minor"]), facts["refunds"]) for payment, facts in found.items()}

    def sums(self):
        """By currency: what was charged, what still waits, and what was given back."""
        charged, waiting, refunded = collections.Counter(), collections.Counter(), collections.Counter()
        for key, value in self.values.items():
            if not key.startswith("payment/"):
                continue
            facts = facts_of(value)
            if facts["state"] != "declined":
                (charged if facts["state"] == "charged" else waiting)[facts["currency"]] += int(facts["minor"])
            refunded[facts["currency"]] += sum(facts["refunds"].values())
        return charged, waiting, refunded

    def refunded(self):
        return sum(sum(refunds.values()) for _, _, refunds in self.payments().values())

    def faults(self):
        """Money that moved twice, or would have at a gateway that does not look."""
        return [f"asked again: {call}" for call in self.again] + [f"money moved {n} times for {what}" for what, n in self.moves.items() if n > 1]


def facts_of(text):
    facts = dict(line.split("=", 1) for line in text.strip().split("\n") if line)
    if facts:
        refunds = re.findall(r"^refund=(\S+) \S+ (\d+)$", text, re.M)
        assert len(dict(refunds)) == len(refunds), text
        facts["refunds"] = {refund: int(minor) for refund, minor in refunds}
    return facts


class Sqlite(Outside):
    """A store in one file."""

    def __init__(self, folder):
        self.folder = Path(folder)
        super().__init__(self.folder / "outside")
        self.url = "sqlite:" + str(self.folder / "book.db")

    def copy_from(self, other):
        self.copy_outside_from(other)
        for suffix in ("", "-wal", "-shm"):
            Path(str(self.folder / "book.db") + suffix).unlink(missing_ok=True)
            source = Path(str(other.folder / "book.db") + suffix)
            if source.exists():
                shutil.copyfile(source, str(self.folder / "book.db") + suffix)

    def rows(self, sql):
        return self.answers([sql])[0]

    def answers(self, queries):
        connection = sqlite3.connect(self.folder / "book.db")
        try:
            return [[tuple(row) for row in connection.execute(sql)] for sql in queries]
        finally:
            connection.close()

    def change(self, sql):
        connection = sqlite3.connect(self.folder / "book.db")
        try:
            with connection:
                connection.executescript(sql)
        finally:
            connection.close()


class Postgresql(Outside):
    """A database of a throw-away server; `base` is a libpq URL with everything but the database's name."""

    def __init__(self, base, name, outside):
        super().__init__(outside)
        self.base, self.name = base, name
        self.url = f"postgresql:{base} dbname={name}"

    def _psql(self, database, acts, *options):
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *options, *acts, f"{self.base} dbname={database}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def create(self):
        self._psql("postgres", ["-c", f'CREATE DATABASE "{self.name}"'])

    def copy_from(self, other):
        self.copy_outside_from(other)
        self._psql("postgres", ["-c", f'DROP DATABASE IF EXISTS "{self.name}"',
                                # Files are copied several times as fast as written through the log.
                                "-c", f'CREATE DATABASE "{self.name}" TEMPLATE "{other.name}" STRATEGY FILE_COPY'])

    def rows(self, sql):
        return self.answers([sql])[0]

    def answers(self, queries):
        # One psql for all: it costs more than the queries.
        options = [part for sql in queries for part in ("-c", sql, "-c", "\\echo -n '\x1d'")]
        text = self._psql(self.name, options, "-A", "-t", "-F", "\x1f", "-R", "\x1e")
        answers = [answer.strip("\n").split("\x1e") for answer in text.split("\x1d")[:-1]]
        return [[tuple(row.split("\x1f")) for row in rows if row] for rows in answers]

    def change(self, sql):
        self._psql(self.name, ["-c", sql])


class Book:
    def __init__(self, build, folder, store, chunk=3, log="error"):
        self.folder, self.store = Path(folder), store
        self.folder.mkdir(parents=True, exist_ok=True)
        self.binary = Path(build) / "bursar"
        self.config = self.folder / "bursar.yaml"
        self.config.write_text(CONFIG.format(url=store.url, plugins=Path(build) / "chaos_plugins", outside=store.outside, chunk=chunk, log=log))

    def run(self, *arguments, check=True, environment=None, through=()):
        """A command of the product; `through`: the command that starts it."""
        command = [*through, str(self.binary), *arguments, "--config", str(self.config)]
        result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})}, timeout=300)
        if check and result.returncode != 0:
            sys.exit(f"{' '.join(command)} answered {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def seed(self):
        self.run("db", "migrate")
        return self.run("demo", "seed").stdout

    def picture(self):
        """Everything that matters, without ids: two runs that did the same have the same picture."""
        picture = dict(zip(CONTENTS, self.store.answers(CONTENTS.values())))
        # What the sandbox gateway says it took. When it settles depends on when it was asked.
        payments = [value for key, value in self.store.gateway("cards").values.items() if key.startswith("payment/")]
        picture["gateway"] = [re.sub(r"(key|settles_at)=.*\n", "", value).strip() for value in payments]
        return {name: sorted(rows) for name, rows in picture.items()}

    def breaches(self):
        """The invariants, asked by SQL written apart from the product's own checker."""
        answers = self.store.answers(INVARIANTS.values())
        return [(name, row) for name, rows in zip(INVARIANTS, answers) for row in rows]


# A customer, invoice or service is named by what a person would call it.
CUSTOMER = "(SELECT email FROM accounts WHERE accounts.id = {0}.account_id)"
INVOICE = ("(SELECT coalesce(n.number, '') || '/' || n.due_on FROM invoices n WHERE n.id = {0})")
SERVICE = ("(SELECT a.email || '/' || p.code || '/' || s.started_on FROM services s JOIN accounts a ON a.id = s.account_id "
           "JOIN products p ON p.id = s.product_id WHERE s.id = {0})")
# Message causes hold ids ("reminder:4711:3"); only the word before them stays.
CONTENTS = {
    "services": f"SELECT {SERVICE.format('t.id')}, status, suspend_reason, coalesce(next_due_on, ''), periods_invoiced, desired_state, "
                "actual_state FROM services t",
    "invoices": f"SELECT {CUSTOMER.format('t')}, coalesce(number, ''), kind, status, issued_on, due_on, currency, net, tax, total, balance, "
                "coalesce(autopay_on, ''), autopay_attempts, coalesce(dunning_action, ''), coalesce(dunning_on, '') FROM invoices t",
    "lines": f"SELECT {INVOICE.format('t.invoice_id')}, position, kind, coalesce({SERVICE.format('t.service_id')}, ''), "
             "coalesce(period_start, ''), coalesce(period_end, ''), description, net, tax, tax_rate, coalesce(removed_at, '') FROM "
             "invoice_lines t",
    "postings": f"SELECT e.kind, e.booked_on, p.ledger_account, coalesce({INVOICE.format('p.invoice_id')}, ''), p.currency, p.amount FROM "
                "postings p JOIN journal_entries e ON e.id = p.entry_id",
    "payments": f"SELECT {INVOICE.format('t.invoice_id')}, gateway, origin, status, currency, amount, received, refunded, decline_code "
                "FROM payments t",
    "autopay": f"SELECT {INVOICE.format('t.invoice_id')}, round, outcome, reason, coalesce(retry_on, ''), payment_id IS NULL FROM "
               "autopay_attempts t",
    "allocations": f"SELECT {INVOICE.format('t.invoice_id')}, amount, CASE WHEN payment_id IS NULL THEN 'credit' ELSE 'payment' END FROM "
                   "allocations t",
    "credit": f"SELECT {CUSTOMER.format('t')}, currency, amount FROM credit_balances t WHERE amount <> 0",
    "credit_notes": f"SELECT number, {INVOICE.format('t.invoice_id')}, issued_on, net, tax, reason FROM credit_notes t",
    "cancellations": f"SELECT {SERVICE.format('t.service_id')}, kind, effective_on, status FROM cancellations t",
    "messages": "SELECT channel, recipient, template, subject, status FROM messages",
    "effects": f"SELECT kind, instance, {CUSTOMER.format('t')}, state FROM effects t",
    "tasks": f"SELECT kind, {CUSTOMER.format('t')}, status FROM staff_tasks t",
    "runs": "SELECT job, scheduled_at, logical_date, status, catch_up FROM scheduler_runs",
    "steps": "SELECT r.scheduled_at, s.step, s.status, s.counts FROM scheduler_steps s JOIN scheduler_runs r ON r.id = s.run_id",
    "checks": "SELECT r.scheduled_at, c.step, c.reach, c.verdict FROM step_checks c JOIN scheduler_runs r ON r.id = c.run_id",
    "series": "SELECT series, next FROM number_series",
}

INVARIANTS = {
    "an entry sums to zero": "SELECT entry_id FROM postings GROUP BY entry_id, currency HAVING sum(amount) <> 0",
    "the ledger sums to zero": "SELECT currency FROM postings GROUP BY currency HAVING sum(amount) <> 0",
    "an invoice's receivable is its balance":
        "SELECT i.id FROM invoices i WHERE i.balance <> coalesce((SELECT sum(p.amount) FROM postings p WHERE p.invoice_id = i.id AND "
        "p.ledger_account = 'receivable'), 0)",
    "paid means nothing owed": "SELECT id FROM invoices WHERE (status = 'paid') <> (balance = 0) AND status IN ('open', 'paid')",
    "one line for a service and period":
        "SELECT service_id FROM invoice_lines WHERE kind = 'recurring' AND removed_at IS NULL GROUP BY service_id, period_start "
        "HAVING count(*) > 1",
    "numbers have no gap": "SELECT series FROM invoices WHERE series IS NOT NULL GROUP BY series HAVING max(sequence) <> count(*)",
    "credit is the ledger's": "SELECT account_id FROM credit_balances b WHERE amount <> coalesce((SELECT -sum(p.amount) FROM postings p "
                              "WHERE p.account_id = b.account_id AND p.currency = b.currency AND p.ledger_account = 'customer_credit'), 0)",
    "credit is not negative": "SELECT account_id FROM credit_balances WHERE amount < 0",
    "a transaction is money once": "SELECT gateway_reference FROM payments WHERE gateway_reference IS NOT NULL GROUP BY gateway, "
                                   "gateway_reference HAVING count(*) > 1",
    "one entry for a payment": "SELECT source_id FROM journal_entries GROUP BY kind, source_id HAVING count(*) > 1",
    "an automatic charge is told once": "SELECT id FROM payments WHERE origin = 'autopay' AND id NOT IN (SELECT payment_id FROM "
                                        "autopay_attempts WHERE payment_id IS NOT NULL)",
    "an instant ran once": "SELECT job FROM scheduler_runs GROUP BY job, scheduled_at HAVING count(*) > 1",
    "a message went out once": "SELECT cause FROM messages GROUP BY cause, recipient, channel HAVING count(*) > 1",
    "no act is forgotten": "SELECT id FROM effects WHERE state IN ('recorded', 'in_flight', 'unknown', 'waiting') AND next_at IS NULL AND "
                           "lease_until IS NULL",
    "open means owed": "SELECT id FROM invoices WHERE status = 'open' AND balance <= 0",
    "nothing is owed below zero": "SELECT id FROM invoices WHERE balance < 0",
    "an invoice is its lines":
        "SELECT i.id FROM invoices i WHERE i.status <> 'void' AND i.net + i.tax <> (SELECT coalesce(sum(l.net + l.tax), 0) FROM "
        "invoice_lines l WHERE l.invoice_id = i.id AND (l.removed_at IS NULL OR l.id IN (SELECT line_id FROM credit_note_lines)))",
    "an invoice's balance is what was not paid, credited or given up":
        "SELECT i.id FROM invoices i WHERE i.status NOT IN ('draft', 'void', 'uncollectible') AND i.total - i.balance <> "
        "(SELECT coalesce(sum(amount), 0) FROM allocations a WHERE a.invoice_id = i.id) + "
        "(SELECT coalesce(sum(total), 0) FROM credit_notes n WHERE n.invoice_id = i.id)",
    "a payment is what it paid and what became credit":
        "SELECT p.id FROM payments p JOIN journal_entries e ON e.kind = 'payment_received' AND e.source_id = p.id WHERE p.received <> "
        "(SELECT -sum(o.amount) FROM postings o WHERE o.entry_id = e.id AND o.ledger_account IN ('receivable', 'customer_credit'))",
    "refunds are not more than the payment":
        "SELECT p.id FROM payments p WHERE p.received < (SELECT coalesce(sum(r.amount), 0) FROM refunds r WHERE r.payment_id = p.id AND "
        "r.status <> 'failed')",
    "the ledger owes the tax of the documents":
        "SELECT b.place FROM (SELECT ledger_account AS place, currency, -sum(amount) AS amount FROM postings WHERE ledger_account LIKE "
        "'tax_payable/%' GROUP BY ledger_account, currency) b WHERE b.amount <> "
        "(SELECT coalesce(sum(l.tax), 0) FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id WHERE 'tax_payable/' || l.tax_place = "
        "b.place AND i.currency = b.currency AND (l.removed_at IS NULL OR l.id IN (SELECT line_id FROM credit_note_lines))) - "
        "(SELECT coalesce(sum(c.tax), 0) FROM credit_note_lines c JOIN invoice_lines l ON l.id = c.line_id JOIN invoices i ON i.id = "
        "l.invoice_id WHERE 'tax_payable/' || l.tax_place = b.place AND i.currency = b.currency)",
    "credit notes are not more than their invoice":
        "SELECT i.id FROM invoices i WHERE i.total < (SELECT coalesce(sum(n.total), 0) FROM credit_notes n WHERE n.invoice_id = i.id)",
    "dates do not fall as numbers grow":
        "SELECT a.number FROM invoices a JOIN invoices b ON a.series = b.series AND b.sequence = a.sequence + 1 WHERE b.issued_on < a.issued_on",
    "dates of credit notes do not fall as numbers grow":
        "SELECT a.number FROM credit_notes a JOIN credit_notes b ON a.series = b.series AND b.sequence = a.sequence + 1 WHERE b.issued_on < "
        "a.issued_on",
    "billed periods do not overlap":
        "SELECT a.id FROM invoice_lines a JOIN invoice_lines b ON a.service_id = b.service_id AND a.id < b.id AND a.kind = 'recurring' AND "
        "b.kind = 'recurring' AND a.removed_at IS NULL AND b.removed_at IS NULL WHERE a.period_start < b.period_end AND b.period_start < "
        "a.period_end",
    "what has ended is not due": "SELECT id FROM services WHERE (ended_at IS NULL) <> (status NOT IN ('cancelled', 'terminated')) OR "
                                 "(ended_at IS NOT NULL AND next_due_on IS NOT NULL)",
    "nobody pays for a period that begins after the end":
        "SELECT l.id FROM invoice_lines l JOIN services s ON s.id = l.service_id JOIN invoices i ON i.id = l.invoice_id WHERE s.ended_at IS "
        "NOT NULL AND l.kind = 'recurring' AND l.removed_at IS NULL AND i.status IN ('open', 'paid') AND l.period_start > "
        "substr(s.ended_at, 1, 10)",
    "a message that waits will be sent": "SELECT id FROM messages WHERE status = 'waiting' AND id NOT IN (SELECT object_id FROM effects "
                                         "WHERE kind = 'message' AND state NOT IN ('done', 'failed'))",
    "a panel that is not as wanted is worked on":
        "SELECT id FROM services WHERE desired_state <> actual_state AND desired_state NOT IN ('none', 'terminated') AND id NOT IN "
        "(SELECT object_id FROM effects WHERE kind = 'provision' AND state NOT IN ('done', 'failed'))",
    "an account with members has an owner": "SELECT account_id FROM memberships GROUP BY account_id HAVING max(CASE WHEN role = 'owner' THEN "
                                            "1 ELSE 0 END) = 0",
    "a session belongs to a live user": "SELECT id FROM sessions WHERE user_id NOT IN (SELECT id FROM users WHERE status = 'active')",
    "a run that is done did its steps": "SELECT run_id FROM scheduler_steps WHERE status <> 'done' AND run_id IN (SELECT id FROM "
                                        "scheduler_runs WHERE status = 'done')",
}


def stores(kind, folder):
    """Makes stores of a backend by name. The PostgreSQL server in `folder` ends with this process."""
    if kind == "sqlite":
        def make_file(name):
            (folder / name).mkdir(mode=0o755, exist_ok=True)
            return Sqlite(folder / name)
        return make_file
    support = Path(__file__).parent.parent / "support"
    server = subprocess.run([str(support / "start-postgres.sh"), str(folder / "server"), str(os.getpid())],
                            capture_output=True, text=True)
    if server.returncode != 0:
        print(server.stderr, file=sys.stderr)
        sys.exit(1 if server.returncode == 77 and real_parts_required() else server.returncode)

    def make_database(name):
        store = Postgresql(f"host={folder / 'server'} port=5432 user=bursar", name, folder / (name + ".outside"))
        store.create()
        return store

    return make_database


def real_parts_required():
    return os.environ.get("BURSAR_REQUIRE_REAL_PARTS") == "1"


def wrongs(book, expected, picture=None):
    """What is otherwise than in the picture of an undisturbed book, or not as it must be in any book."""
    verified = book.run("db", "verify", check=False)
    return (differences(expected, picture(book) if picture else book.picture()) + [str(breach) for breach in book.breaches()] +
            book.store.gateway("cards").faults() + moved_otherwise(book) + mail_faults(book) +
            ([verified.stdout[-500:] + verified.stderr[-500:]] if verified.returncode != 0 else []))


def moved_otherwise(book):
    """Where the money that moved at the gateway is not the ledger's. What the ledger has not heard yet is open there; what only a
    webhook told still waits in the gateway's book."""
    charged, waiting, refunded = book.store.gateway("cards").sums()
    out = []
    for currency, received, unheard, given, giving in book.store.rows(
            "SELECT currency, sum(received), sum(CASE WHEN status IN ('pending', 'requires_action', 'unknown') THEN amount ELSE 0 END), "
            "coalesce(sum((SELECT sum(r.amount) FROM refunds r WHERE r.payment_id = p.id AND r.destination = 'gateway' AND r.status = "
            "'succeeded')), 0), coalesce(sum((SELECT sum(r.amount) FROM refunds r WHERE r.payment_id = p.id AND r.destination = 'gateway' "
            "AND r.status IN ('pending', 'unknown'))), 0) FROM payments p WHERE gateway = 'cards' GROUP BY currency"):
        received, unheard, given, giving = int(received), int(unheard), int(given), int(giving)
        if not received - waiting[currency] <= charged[currency] <= received + unheard:
            out.append(f"the gateway took {charged[currency]} {currency} and the ledger {received}")
        if not given <= refunded[currency] <= given + giving:
            out.append(f"the gateway gave back {refunded[currency]} {currency} and the ledger {given}")
    return out


def mail_faults(book, most=2):
    """Mails that went out more often than one death explains, or not always in the same form."""
    sent = collections.defaultdict(list)
    for line in book.store.lines("messages.jsonl"):
        mail = json.loads(line)
        sent[mail["message_id"]].append((mail["recipient"], mail["subject"], mail["body"], mail["idempotency_key"]))
    out = [f"{len(copies)} copies of {message}: {copies[0][:2]}" for message, copies in sent.items() if len(copies) > most]
    return out + [f"{message} went out in different forms: {set(copies)}" for message, copies in sent.items() if len(set(copies)) > 1]


def differences(expected, found):
    out = []
    for name in expected:
        wanted, had = collections.Counter(expected[name]), collections.Counter(found[name])
        missing, extra = list((wanted - had).elements()), list((had - wanted).elements())
        if missing or extra:
            out.append(f"{name}: missing {missing[:3]}, extra {extra[:3]}")
    return out


def commits(count_file):
    """How many durable commits the failpoints have counted."""
    text = Path(count_file).read_text()
    return int(re.search(r"\d+", text).group())
