"""Input that no honest client sends, against every field of every operation: bad_input_test.py BUILD_FOLDER SEED_FOLDER.

The fields are those of the OpenAPI document: what a new operation takes is tried without a line here. Each is a clear error
that names the place, and leaves no trace in the store.
"""
import copy
import json
import sys
import tempfile
import time
import unittest
import uuid
from pathlib import Path

from client import ok
from documented import Document
from installation import Installation
from operations import CALLERS, OPERATIONS, is_allowed
from world import World

AMOUNTS = ["1e9", "-0", "-0.00", "12.345", "1" * 40, "1,00", "\uff11.00", "1e2", " 1.00", "1.00 ", "+1.00", "0x1", "1.001", "1", "1.0",
           "99999999999999999999", "01.00", ".50", "1.", "", "NaN", "Infinity", "1_000.00", "$1.00", "1.00 USD", "1.0\u0660", 1, 1.5, 10**30,
           None, True, [], {}]
DATES = ["2027-02-29", "2027-13-01", "2027-00-10", "2027-04-31", "2027-1-1", "20270101", "27-01-01", "2027-01-01T00:00:00Z", "tomorrow",
         "", " 2027-01-01", "+2027-01-01", "10000-01-01", 20270101, {}, True]
INSTANTS = ["2027-02-29T00:00:00Z", "2027-01-01", "2027-01-01T00:00:00", "2027-01-01T24:00:01Z", "2027-01-01T00:60:00Z",
            "2027-01-01 00:00:00", "now", "", 0, 1800000000, {}, "2027-01-01T00:00:00America/Los_Angeles"]
WORDS = ["", "x", "VOID", " void", "void ", 1, None, [], {}]
TEXTS = [1, True, [], {}, "a\x00b", "x" * 20_000, "line\r\nInjected: yes", "bell\x07"]
INTEGERS = ["1", 1.5, 2**63, -2**63 - 1, -1, 10**40, True, [], {}, "x"]
BOOLEANS = ["true", 1, 0, "no", [], {}]
LISTS = [{}, "x", 1, True, [None], [[]], ["x"] * 300]
OBJECTS = [[], "x", 1, True]
IDS = ["", "x", "1", "' OR 1=1 --", "inv_0000000000000", "pm_" + "z" * 13, 1, [], {}]


def setUpModule():
    global installation, world, document
    installation = Installation(sys.argv[1], seed=sys.argv[2])
    installation.start()
    world = World(installation)
    document = Document(ok(world.anonymous.get("/openapi.json")).json)


def tearDownModule():
    world.close()
    installation.remove()


def first_caller(name):
    order = ("owner", "admin", "billing", "support", "other", "anonymous")
    return next(caller for caller in order if caller in CALLERS and is_allowed(OPERATIONS[name], caller))


def place(pointer, body, value):
    """The body with the value at the place of an RFC 6901 pointer."""
    body = copy.deepcopy(body)
    at, parts = body, pointer.split("/")[1:]
    for part, following in zip(parts, parts[1:]):
        if isinstance(at, list):
            at = at[int(part)]
        else:
            at = at.setdefault(part, [{}] if following == "0" else {})
    at[int(parts[-1]) if isinstance(at, list) else parts[-1]] = value
    return body


def fields(schema, pointer=""):
    """(pointer, list of bad values) for each field of a schema, nested ones too."""
    for name, field in schema["properties"].items():
        at = f"{pointer}/{name}"
        reference = field.get("$ref", "").rsplit("/", 1)[-1]
        kind = field.get("type")
        if isinstance(kind, list):
            kind = kind[0]
        if reference == "Money":
            yield at, [{"amount": amount, "currency": "USD"} for amount in AMOUNTS]
            yield at, [{"amount": "1.00", "currency": currency} for currency in ("", "usd", "US", "XXX", "DOLLAR", 1, None, [], {})]
            yield at, [{"amount": "1.00"}, {"currency": "USD"}, {"amount": "1.00", "currency": "USD", "x": 1}, *OBJECTS]
        elif reference:
            yield at, OBJECTS
            yield from fields(document.resolve(field), at)
        elif field.get("format") == "date":
            yield at, DATES
        elif field.get("format") == "date-time":
            yield at, INSTANTS
        elif "enum" in field:
            yield at, [word for word in WORDS if word is not None or name in schema["required"]]
        elif kind == "array":
            yield at, LISTS
            items = document.resolve(field["items"])
            if "properties" in items:
                yield from fields(items, at + "/0")
        elif kind == "integer":
            yield at, INTEGERS
        elif kind == "boolean":
            yield at, BOOLEANS
        elif kind == "object":
            yield at, OBJECTS
        else:
            yield at, TEXTS
            if name.endswith("_id") and name != "tax_id" or name == "payment_method":
                yield at, IDS


class EveryField(unittest.TestCase):
    def test_a_bad_value_is_named_and_nothing_is_stored(self):
        wrong, tried = [], 0
        for name, operation in document.operations().items():
            schema = document.request_schema(operation)
            if schema is None:
                continue
            caller = first_caller(name)
            row, client = OPERATIONS[name], world.caller(caller)
            request = row.make(world, caller)
            before = installation.contents()
            for pointer, values in fields(schema):
                for value in values:
                    if pointer.endswith("password") and isinstance(value, str):
                        continue  # a password may hold anything; a wrong one costs a hash
                    answer = client.request(name.split()[0], request.path, place(pointer, request.body, value),
                                            headers={"Idempotency-Key": str(uuid.uuid4())})
                    tried += 1
                    told = answer.pointers if answer.is_problem else []
                    named = any(p == pointer or p.startswith(pointer + "/") or pointer.startswith(p + "/") for p in told)
                    # A NUL never gets as far as a field.
                    refused = answer.status == 422 and named or answer.status == 400 and value == "a\x00b"
                    if not refused:
                        wrong.append(f"{name} {pointer} = {str(value)[:60]!r}: {answer!r}")
            if installation.contents() != before:
                wrong.append(f"{name}: something was stored")
        self.assertEqual(wrong, [], f"{len(wrong)} of {tried}:\n" + "\n".join(wrong[:60]))
        self.assertGreater(tried, 1000)
        print(f"{tried} bad values tried", file=sys.stderr)

    def test_a_bad_date_in_a_filter_is_named(self):
        for date in ("2027-02-29", "2027-2-1", "x", "", "2027-01-01'--"):
            answer = world.admin.get("/invoices", headers={}) if date is None else world.admin.get(f"/invoices?due_before={date}")
            self.assertEqual((answer.status, answer.pointers), (422, ["?due_before"]), answer)
        for query in ("status=%ff", "status=%00", "status=%zz", "status=%"):
            self.assertEqual(world.admin.get(f"/invoices?{query}").status, 400, query)


class Documents(unittest.TestCase):
    """JSON itself: refused early, in little time, whatever it holds."""

    CASES = [
        ("deep arrays", b"[" * 100_000, 400),
        ("deep objects", b'{"a":' * 50_000, 400),
        ("a long text", b'{"name":"' + b"x" * 900_000 + b'"}', 422),
        ("more than the limit", b'{"name":"' + b"x" * 2_000_000 + b'"}', 413),
        ("many keys", b"{" + b",".join(b'"k%d":0' % i for i in range(60_000)) + b"}", 400),
        ("1e400", b'{"name":1e400}', 400),
        ("-0", b'{"name":-0}', 422),
        ("2^63", b'{"name":9223372036854775808}', 422),
        ("a lone surrogate", b'{"name":"\\ud800"}', 400),
        ("U+0000", b'{"name":"\\u0000"}', 400),
        ("bytes that are no UTF-8", b'{"name":"\xff\xfe"}', 400),
        ("an overlong sequence", b'{"name":"\xc0\x80"}', 400),
        ("a byte order mark", b'\xef\xbb\xbf{"name":"x"}', 400),
        ("UTF-16", '{"name":"x"}'.encode("utf-16"), 400),
        ("something after the end", b'{"name":"x"} x', 400),
        ("two documents", b'{"name":"x"}{"name":"y"}', 400),
        ("a comment", b'{"name":"x" /* y */}', 400),
        ("a trailing comma", b'{"name":"x",}', 400),
        ("single quotes", b"{'name':'x'}", 400),
        ("NaN", b'{"name":NaN}', 400),
        ("a key twice by another spelling", b'{"name":"x","n\\u0061me":"y"}', 400),
        ("nothing but blanks", b"   ", 400),
        ("__proto__", b'{"name":"x","__proto__":{"a":1}}', 422),
    ]

    def test_a_bad_document_is_refused_at_once_and_stores_nothing(self):
        before = installation.contents()
        for what, raw, status in self.CASES:
            with self.subTest(what):
                started = time.monotonic()
                answer = world.owner.request("PATCH", "/me", raw=raw)
                took = time.monotonic() - started
                self.assertEqual(answer.status, status, answer)
                self.assertEqual(document.problem_differences(answer), [])
                self.assertLess(took, 2, "a bad document took long")
        self.assertTrue(installation.contents() == before, "something was stored")

    def test_text_of_every_script_comes_back_as_it_was(self):
        for name in ("\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467", "\u202egnp.exe", "e\u0301\u0302\u0303" * 20, "<script>alert(1)</script>",
                     "=cmd|' /C calc'!A0", "{{7*7}} ${7*7} %s %n", "Robert'); DROP TABLE users;--", "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627"):
            self.assertEqual(ok(world.owner.request("PATCH", "/me", {"name": name})).json["name"], name)
            self.assertEqual(ok(world.owner.get("/me")).json["name"], name)


class Amounts(unittest.TestCase):
    def test_an_amount_beyond_what_money_can_be_is_named(self):
        line = {"description": "x", "unit_price": {"amount": "99999999999999.99", "currency": "USD"}, "quantity": 1_000_000}
        for lines in ([line], [{**line, "quantity": 1}] * 100):
            answer = world.admin.post("/invoices", {"account_id": world.account, "due_on": "2027-02-01", "lines": lines})
            self.assertEqual(answer.status, 422, answer)
            self.assertTrue(answer.pointers and answer.pointers[0].startswith("/lines"), answer)

    def test_an_amount_in_the_wrong_currency_or_of_nothing_is_named(self):
        invoice = world.invoice()
        for amount, currency in (("1.00", "EUR"), ("0.00", "USD"), ("-1.00", "USD"), ("-0.01", "USD"), ("1", "JPY"), ("1.000", "KWD")):
            money = {"amount": amount, "currency": currency}
            before = installation.contents()
            for path, body in ((f"/invoices/{invoice}/payments", {"gateway": "cards", "amount": money}),
                               (f"/invoices/{invoice}/credit", {"amount": money}),
                               (f"/accounts/{world.account}/deposits", {"gateway": "cards", "amount": money})):
                if currency in ("EUR", "JPY", "KWD") and path.endswith("deposits"):
                    continue
                answer = world.owner.post(path, body)
                self.assertEqual(answer.status, 422, (path, money, answer))
                self.assertTrue(answer.pointers[0].startswith("/amount"), answer)
            answer = world.admin.post(f"/invoices/{invoice}/credit-notes", {"reason": "x", "amount": money})
            self.assertEqual(answer.status, 422, (money, answer))
            self.assertTrue(installation.contents() == before, "something was stored")


class Tokens(unittest.TestCase):
    def test_a_malformed_credential_is_refused_without_a_trace(self):
        before = installation.contents()
        for value in ("Bearer", "Bearer ", "Bearer x", "Bearer burs_", "bearer " + "a" * 5000, "Basic YTpi", "Digest x", "\xff", "Bearer ' OR 1=1--",
                      "Bearer " + world.owner.token + ", Bearer " + world.owner.token):
            answer = world.anonymous.get("/me", headers={"Authorization": value})
            self.assertEqual((answer.status, document.problem_differences(answer)), (401, []), value)
            self.assertNotIn(value[8:] or "\x00", answer.body.decode())
        for cookie in ("bursar_session=", "bursar_session=x", "a=b; bursar_session=burs_x", "bursar_session=\"" + world.owner.token):
            self.assertEqual(world.anonymous.get("/me", headers={"Cookie": cookie}).status, 401, cookie)
        self.assertTrue(installation.contents() == before, "something was stored")


class Configuration(unittest.TestCase):
    """What a provider writes by hand: refused before anything starts, with the place."""

    CASES = [
        ("half a document", "provider: {", "provider: {{", None),
        ("a tab", "  name: Example Hosting", "\tname: Example Hosting", None),
        ("an unknown key", "  country: US", "  country: US\n  colour: blue", "colour"),
        ("a key twice", "  country: US", "  country: US\n  country: US", "country"),
        ("a zone of nowhere", "  timezone: America/Los_Angeles", "  timezone: America/Los_Angles", "America/Los_Angles"),
        ("a cron expression", "billing:", "scheduler:\n  daily: {cron: \"61 19 * * *\"}\nbilling:", "minute"),
        ("a cron expression of four fields", "billing:", "scheduler:\n  daily: {cron: \"0 19 * *\"}\nbilling:", "cron"),
        ("an amount", 'minimum: {USD: "1.00"', 'minimum: {USD: "12.345"', "12.345"),
        ("an amount with an exponent", 'minimum: {USD: "1.00"', 'minimum: {USD: "1e9"', "1e9"),
        ("a currency", "  currencies: [USD, EUR]", "  currencies: [USD, EUX]", "EUX"),
        ("a proxy that is no address", "rate_limits: false", 'rate_limits: false, trusted_proxies: ["localhost"]', "IP address"),
        ("a secret that is not there", "rate_limits: false", 'rate_limits: false, metrics_token: "${env:BURSAR_NOT_THERE}"',
         "BURSAR_NOT_THERE"),
    ]

    def test_a_bad_line_is_named_by_its_place(self):
        for what, right, wrong, named in self.CASES:
            with self.subTest(what):
                broken = Installation(sys.argv[1])
                self.addCleanup(broken.remove)
                text = broken.config.read_text()
                if right in text:
                    broken.config.write_text(text.replace(right, wrong, 1))
                else:
                    self.assertEqual(what, "half a document")
                    broken.config.write_text(text + "\nlog: {level: [")
                for command in (("config", "check"), ("serve",), ("db", "migrate")):
                    done = broken.run(*command, check=False)
                    self.assertEqual(done.returncode, 2, done)
                    self.assertRegex(done.stderr, r"bursar\.yaml:\d+")
                    self.assertIn(named or "", done.stderr)
                self.assertFalse(broken.store.exists())

    def test_a_plugin_file_that_is_none_is_named_and_the_others_load(self):
        with tempfile.TemporaryDirectory(prefix="bursar-api.", dir="/tmp") as folder:
            bad = Path(folder) / "bad.so"
            bad.write_text("this is no library\n")
            broken = Installation(sys.argv[1], instances="    bad: {plugin: bad}\n", plugins=[bad])
        self.addCleanup(broken.remove)
        done = broken.run("plugin", "list", "--json")
        found = {record["instance"]: record for record in map(json.loads, done.stdout.splitlines())}
        self.assertEqual((found["bad"]["state"], found["cards"]["state"]), ("disabled", "loaded"))
        self.assertIn("bad.so", found["bad"]["cause"])
        self.assertTrue(found["bad"]["cure"])
        self.assertEqual(broken.run("config", "check", check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
