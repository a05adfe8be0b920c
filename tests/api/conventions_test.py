"""The conventions of the API, for every operation of its OpenAPI document: conventions_test.py BUILD_FOLDER SEED_FOLDER."""
import json
import sys
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor

from client import Client, log_in, ok
from documented import Document
from installation import PASSWORD, Installation
from operations import CALLERS, OPERATIONS, is_allowed, usd
from world import OWNER, World

# What moves money, places an order or provisions.
KEYED = {
    "POST /accounts/{account}/orders", "POST /accounts/{account}/deposits", "POST /invoices", "POST /invoices/{invoice}/payments",
    "POST /invoices/{invoice}/credit", "POST /invoices/{invoice}/credit-notes", "POST /payments/{payment}/refunds",
    "POST /services/{service}/operations/suspend", "POST /services/{service}/operations/unsuspend",
    "POST /services/{service}/change", "POST /services/{service}/operations/terminate", "POST /services/{service}/operations/provision",
    "POST /staff-tasks/{task}/completion", "POST /payments/{payment}/refund-requests", "POST /payments/{payment}/disputes",
    "POST /accounts/{account}/mass-payments", "POST /mass-payments/{mass_payment}/payments",
    "POST /suspense-items/{item}/assignment", "POST /suspense-items/{item}/return",
}
# Called by providers: their words in the query are for the plugin to read.
FROM_PROVIDERS = {"POST /webhooks/{instance}", "POST /webhooks/{instance}/{path}"}


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
    """The first of the callers who may: an owner rather than staff, staff rather than nobody."""
    row = OPERATIONS[name]
    order = ("owner", "admin", "billing", "support", "other", "anonymous")
    return next(caller for caller in order if caller in CALLERS and is_allowed(row, caller))


def ask(name, request=None, **more):
    """The operation as its row says, by the first who may."""
    caller = first_caller(name)
    request = request or OPERATIONS[name].make(world, caller)
    client = world.caller(caller)
    if request.headers:
        more["headers"] = {**request.headers, **more.get("headers", {})}
    if name.startswith("POST"):
        return client.post(request.path, more.pop("body", request.body), **more)
    return client.request(name.split()[0], request.path, more.pop("body", request.body), **more)


class EveryOperation(unittest.TestCase):
    def test_succeeds_with_what_is_documented(self):
        wrong = []
        for name, operation in document.operations().items():
            if name == "DELETE /sessions/current":
                client = log_in(world.port, OWNER, PASSWORD)
                answer = client.request("DELETE", "/sessions/current")
                client.close()
            else:
                answer = ask(name)
            status, schema = document.success(operation)
            if answer.status != status:
                wrong.append(f"{name}: {answer!r}, documented is {status}")
                continue
            if schema is None:
                if answer.body:
                    wrong.append(f"{name}: a body where none is documented")
            else:
                wrong += [f"{name}: {difference}" for difference in document.differences(answer.json, schema)]
            if not (answer.header("X-Request-Id") or "").startswith("test_"):
                wrong.append(f"{name}: does not bear the request id that was sent")
            for header in ("RateLimit-Policy", "RateLimit"):
                if not answer.header(header):
                    wrong.append(f"{name}: no {header}")
            if name.startswith("GET") and schema is not None and not document.is_list(operation) and not answer.header("ETag"):
                wrong.append(f"{name}: a single resource without an ETag")
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_fails_as_a_problem(self):
        wrong = []
        for name in document.operations():
            request = OPERATIONS[name].make(world, "owner")
            answers = [world.broken.request(name.split()[0], request.path, request.body)]
            if OPERATIONS[name].about != "open":
                answers.append(world.anonymous.request(name.split()[0], request.path, request.body, headers={"Authorization": "Basic x"}))
            if request.body is not None and name not in FROM_PROVIDERS:
                answers.append(ask(name, request, headers={"Content-Type": "text/plain", "Idempotency-Key": "k"}, body={}))
            answers.append(world.caller(first_caller(name)).request(name.split()[0], request.path + "?surprise=1", request.body))
            for answer in answers:
                if answer.status >= 400:
                    wrong += [f"{name} {answer.status}: {difference}" for difference in document.problem_differences(answer)]
                    if answer.status == 401 and not answer.header("WWW-Authenticate"):
                        wrong.append(f"{name}: 401 without WWW-Authenticate")
                    if not answer.header("RateLimit"):
                        wrong.append(f"{name} {answer.status}: no RateLimit")
            if name not in FROM_PROVIDERS and (answers[-1].status != 422 or answers[-1].pointers != ["?surprise"]):
                wrong.append(f"{name}: an unknown query parameter is answered {answers[-1]!r}")
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_takes_no_body_but_the_documented(self):
        wrong = []
        for name, operation in document.operations().items():
            if "requestBody" not in operation:
                continue
            caller = first_caller(name)
            request, client = OPERATIONS[name].make(world, caller), world.caller(caller)
            verb = name.split()[0]
            before = installation.contents()
            twice = json.dumps(request.body)[:-1] + (", " if request.body else "") + '"twice": 1, "twice": 1}'
            cases = [
                ("an unknown key", {**request.body, "surp/rise": 1}, None, 422, "/surp~1rise"),
                ("a key twice", None, twice.encode(), 400, None),
                ("nothing", None, b"", 400, None),
                ("half a document", None, json.dumps({"a": request.body})[:-1].encode(), 400, None),
                ("an array", [request.body], None, 422, ""),
                ("null", None, b"null", 422, ""),
            ]
            for what, body, raw, status, pointer in cases:
                answer = client.request(verb, request.path, body, raw=raw, headers={"Idempotency-Key": str(uuid.uuid4())})
                if answer.status != status or (pointer is not None and pointer not in answer.pointers):
                    wrong.append(f"{name}: {what} is answered {answer!r}, not {status} at {pointer}")
            answer = client.request(verb, request.path, request.body, headers={"Content-Type": "text/plain", "Idempotency-Key": "k"})
            if answer.status != 415:
                wrong.append(f"{name}: a body that is not named JSON is answered {answer!r}")
            if installation.contents() != before:
                wrong.append(f"{name}: a refused body changed the store")
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_every_bad_field_is_named_at_once(self):
        account = f"/accounts/{world.account}"
        cases = [
            (world.anonymous, "POST", "/registrations", {"name": "", "email": "nobody", "password": "short", "currency": "XXX",
                                                         "address": {"country": "Atlantis"}, "x": 1}, ["/name", "/x"]),
            (world.anonymous, "POST", "/registrations", {"name": "N", "email": "nobody", "password": "short", "currency": "XXX",
                                                         "address": {"country": "Atlantis"}},
             ["/email", "/password", "/currency", "/address/country"]),
            (world.owner, "POST", account + "/orders", {"items": [{"product_id": "x", "cycle": "weekly", "quantity": 0}, {}], "y": 1},
             ["/items/0/product_id", "/items/0/cycle", "/items/0/quantity", "/items/1/product_id", "/items/1/cycle", "/y"]),
            (world.admin, "POST", "/invoices", {"account_id": "acc_x", "due_on": "2027-02-29", "lines": [
                {"description": "", "unit_price": {"amount": "1.001", "currency": "USD"}, "quantity": 0}]},
             ["/account_id", "/due_on", "/lines/0/description", "/lines/0/unit_price/amount", "/lines/0/quantity"]),
            (world.owner, "POST", account + "/deposits", {"amount": {"amount": 5, "currency": "usd"}, "payment_method": "pm_x"},
             ["/amount/amount", "/amount/currency", "/payment_method"]),
            (world.owner, "POST", account + "/payment-methods", {"gateway": "", "token": 7, "label": "a\r\nb", "expires_on": "soon"},
             ["/gateway", "/token", "/label", "/expires_on"]),
            (world.admin, "POST", "/promotions", {"code": "", "percent": "101", "valid_from": "x", "periods": -1},
             ["/code", "/percent", "/valid_from", "/periods"]),
        ]
        for client, verb, path, body, pointers in cases:
            answer = client.request(verb, path, body, headers={"Idempotency-Key": str(uuid.uuid4())})
            self.assertEqual(answer.status, 422, answer)
            self.assertEqual([p for p in pointers if p not in answer.pointers], [], (path, answer.pointers))
        answer = world.admin.get("/invoices?status=lost&due_before=soon&account=x&limit=0&surprise=1&limit=2")
        self.assertEqual(sorted(answer.pointers), sorted(["?status", "?due_before", "?account", "?limit", "?surprise", "?limit"]))


class Lists(unittest.TestCase):
    def lists(self):
        for name, operation in document.operations().items():
            if document.is_list(operation):
                caller = first_caller(name)
                row = OPERATIONS[name]
                while row.more and len(ok(ask(name)).json["data"]) < 3:
                    row.more(world)
                yield name, world.caller(caller), row.make(world, caller).path

    @staticmethod
    def identity(item):
        # Workers may take an object further between two pages; which one it is stays.
        return item["id"] if "id" in item else json.dumps(item, sort_keys=True)

    def test_pages_hold_each_item_once_and_in_one_order(self):
        count = longer = 0
        for name, client, path in self.lists():
            with self.subTest(name):
                whole = ok(client.get(path + "?limit=200")).json
                expected = [self.identity(item) for item in whole["data"]]
                self.assertEqual(len(set(expected)), len(expected))
                again = ok(client.get(path + "?limit=200")).json["data"]
                self.assertEqual([self.identity(item) for item in again], expected)
                size = 2 if len(expected) < 30 else 50
                found, cursor = [], None
                while True:
                    page = ok(client.get(path + f"?limit={size}" + (f"&cursor={cursor}" if cursor else ""))).json
                    self.assertLessEqual(len(page["data"]), size)
                    found += [self.identity(item) for item in page["data"]]
                    cursor = page["next_cursor"]
                    if cursor is None or len(found) >= len(expected) > 150:
                        break
                self.assertEqual(found[:len(expected)], expected)
                count, longer = count + 1, longer + (len(expected) > 2)
        self.assertGreater(count, 15)
        self.assertGreater(longer, 10, "most of the lists are too short to try a second page")

    def test_limits_and_cursors_of_another_making_are_refused(self):
        cursors = {}
        for name, client, path in self.lists():
            with self.subTest(name):
                for limit in ("0", "201", "-1", "abc", "1e1", "1.0", "01", "", "%31%00", "99999999999999999999"):
                    answer = client.get(path + f"?limit={limit}")
                    self.assertIn(answer.status, (400, 422), (limit, answer))
                answer = client.get(path + "?limit=201")
                self.assertEqual((answer.status, answer.pointers), (422, ["?limit"]), answer)
                cursor = ok(client.get(path + "?limit=1")).json["next_cursor"]
                foreign = [c for other, c in cursors.items() if other != name][-1:]
                changed = [cursor[:-1] + ("0" if cursor[-1] != "0" else "1"), cursor[:5] + "f" + cursor[6:], cursor + "00",
                           cursor.upper() + "x"] if cursor else []
                for bad in ("", "x", "0", "-1", "%27%20OR%201=1--", "0" * 48, *changed, *foreign):
                    if bad == cursor:
                        continue
                    answer = client.get(path + f"?limit=1&cursor={bad}")
                    self.assertEqual((answer.status, answer.code, answer.pointers), (400, "bad_cursor", ["?cursor"]), (bad, answer))
                if cursor:
                    cursors[name] = cursor
        self.assertGreater(len(cursors), 10)

    def test_a_cursor_belongs_to_its_filters(self):
        world.invoice(), world.invoice(), world.invoice()
        path = f"/accounts/{world.account}/invoices"
        cursor = ok(world.owner.get(path + "?limit=1&status=open")).json["next_cursor"]
        ok(world.owner.get(path + f"?limit=2&status=open&cursor={cursor}"))
        for query in ("", "&status=paid", "&status=open&due_before=2028-01-01"):
            self.assertEqual(world.owner.get(path + f"?limit=1&cursor={cursor}{query}").status, 400, query)
        self.assertEqual(world.other.get(f"/accounts/{world.other_account}/invoices?limit=1&status=open&cursor={cursor}").status, 400)


class Versions(unittest.TestCase):
    def test_a_lost_update_is_refused(self):
        tried = 0
        for name, operation in document.operations().items():
            verb, path = name.split()
            if verb not in ("PATCH", "PUT") or document.success(operation)[1] is None or f"GET {path}" not in OPERATIONS:
                continue
            with self.subTest(name):
                caller = first_caller(name)
                client, request = world.caller(caller), OPERATIONS[name].make(world, caller)
                if path.endswith("/cancellation"):
                    request.path = f"/services/{world.cancelled_service()}/cancellation"
                etag = ok(client.get(request.path)).header("ETag")
                self.assertRegex(etag, r'^"[0-9a-f]+"$')
                before = installation.contents()
                for wrong in ('"999999999"', '"x"', "W/" + etag, etag.strip('"'), '""'):
                    answer = client.request(verb, request.path, request.body, headers={"If-Match": wrong})
                    self.assertEqual(answer.status, 412, (wrong, answer))
                    self.assertEqual(document.problem_differences(answer), [])
                self.assertTrue(installation.contents() == before, "something was stored")
                answer = ok(client.request(verb, request.path, request.body, headers={"If-Match": etag}))
                self.assertTrue(answer.header("ETag"))
                tried += 1
        self.assertGreater(tried, 7)

    def test_what_has_not_changed_is_not_sent_again(self):
        for name, operation in document.operations().items():
            if not name.startswith("GET") or document.is_list(operation):
                continue
            with self.subTest(name):
                caller = first_caller(name)
                client, path = world.caller(caller), OPERATIONS[name].make(world, caller).path
                etag = ok(client.get(path)).header("ETag")
                for known in (etag, f'"other", {etag}', "W/" + etag, "*"):
                    answer = client.get(path, headers={"If-None-Match": known})
                    self.assertEqual((answer.status, answer.body), (304, b""), known)
                self.assertEqual(client.get(path, headers={"If-None-Match": '"other"'}).status, 200)


class Idempotency(unittest.TestCase):
    def test_the_operations_that_move_something_need_a_key(self):
        documented = {name for name, operation in document.operations().items() if document.needs_key(operation)}
        self.assertEqual(documented, KEYED)
        for name in sorted(KEYED):
            with self.subTest(name):
                caller = first_caller(name)
                client, request = world.caller(caller), OPERATIONS[name].make(world, caller)
                before = installation.contents()
                for key in (None, "", '""', "x" * 256, "caf\u00e9".encode("latin-1"), "a\tb"):
                    answer = client.post(request.path, request.body, key=key)
                    self.assertEqual(answer.status, 400, (key, answer))
                    self.assertIn("Idempotency-Key", answer.json["detail"])
                self.assertTrue(installation.contents() == before, "something was stored")
                key = str(uuid.uuid4())
                first = ok(client.post(request.path, request.body, key=key))
                after = installation.contents()
                for same in (key, f'"{key}"'):
                    again = client.post(request.path, request.body, key=same)
                    self.assertEqual((again.status, again.body), (first.status, first.body))
                    self.assertEqual(again.header("Idempotent-Replayed"), "true")
                    self.assertEqual(again.header("ETag"), first.header("ETag"))
                other = client.post(request.path, self.another(request.body), key=key)
                self.assertEqual((other.status, other.code), (422, "idempotency_key_reused"), other)
                self.assertTrue(installation.contents() == after, "a repeated request changed the store")

    @staticmethod
    def another(body):
        """A body as valid as this one that says something else."""
        if "invoice_id" in body:
            return {name: value for name, value in body.items() if name != "invoice_id"}
        changes = {"reason": "another reason", "amount": usd("2.00"), "reference": "another", "gateway": "cards" if body.get("gateway") == "bank" else "bank",
                   "due_on": "2027-03-01", "product_id": world.products["web-s"]}
        for name, value in changes.items():
            if name in body:
                return {**body, name: value}
        return {**body, "promotion_code": ""} if "items" in body else {**body, "reason": "another reason"}

    def test_a_key_belongs_to_its_route_and_its_caller(self):
        key = str(uuid.uuid4())
        mine, theirs = world.invoice(), world.invoice(mine=False)
        ok(world.owner.post(f"/invoices/{mine}/payments", {"gateway": "cards"}, key=key))
        ok(world.other.post(f"/invoices/{theirs}/payments", {"gateway": "cards"}, key=key))
        ok(world.owner.post(f"/accounts/{world.account}/deposits", {"gateway": "cards", "amount": usd("1.00")}, key=key))
        self.assertEqual(world.owner.post(f"/invoices/{world.invoice()}/payments", {"gateway": "cards"}, key=key).status, 422)
        # Staff act for many: the customer's key is not in their way.
        ok(world.billing.post(f"/invoices/{world.invoice()}/payments", {"gateway": "cards"}, key=key))

    def test_a_key_whose_act_failed_may_be_used_again(self):
        key, path = str(uuid.uuid4()), f"/accounts/{world.account}/orders"
        body = {"items": [{"product_id": world.products["vps-s"], "cycle": "monthly"}]}
        self.assertEqual(world.owner.post(path, {**body, "promotion_code": "NO-SUCH"}, key=key).status // 100, 4)
        ok(world.owner.post(path, body, key=key))

    def in_parallel(self, path, body, times=50):
        key = str(uuid.uuid4())

        def one(_):
            client = Client(world.port, world.owner.token)
            try:
                return client.post(path, body, key=key)
            finally:
                client.close()
        with ThreadPoolExecutor(times) as pool:
            answers = list(pool.map(one, range(times)))
        self.assertEqual({answer.status for answer in answers} - {201, 409}, set(), answers)
        for answer in answers:
            if answer.status == 409:
                self.assertEqual(answer.code, "idempotency_key_in_flight")
                self.assertTrue(answer.header("Retry-After"))
        done = {answer.body for answer in answers if answer.status == 201}
        self.assertEqual(len(done), 1)
        return json.loads(done.pop())

    def test_fifty_at_once_pay_once(self):
        invoice = world.invoice()
        payment = self.in_parallel(f"/invoices/{invoice}/payments", {"gateway": "cards"})
        payments = ok(world.owner.get(f"/invoices/{invoice}/payments")).json["data"]
        self.assertEqual([p["id"] for p in payments], [payment["id"]])
        self.assertEqual(payments[0]["status"], "succeeded")

    def test_fifty_at_once_order_once(self):
        path = f"/accounts/{world.account}/orders"
        before = len(ok(world.owner.get(path + "?limit=200")).json["data"])
        self.in_parallel(path, {"items": [{"product_id": world.products["vps-s"], "cycle": "monthly"}]})
        self.assertEqual(len(ok(world.owner.get(path + "?limit=200")).json["data"]), before + 1)

    def test_fifty_different_keys_pay_one_invoice_once(self):
        invoice = world.invoice()

        def one(_):
            client = Client(world.port, world.owner.token)
            try:
                return client.post(f"/invoices/{invoice}/payments", {"gateway": "cards"})
            finally:
                client.close()
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(one, range(50)))
        self.assertEqual([answer.status for answer in answers].count(201), 1, answers)
        self.assertEqual({answer.code for answer in answers if answer.status != 201} - {"payment_in_flight", "invoice_not_open"}, set())
        invoice = ok(world.owner.get(f"/invoices/{invoice}")).json
        self.assertEqual((invoice["status"], invoice["balance"]["amount"], len(invoice["allocations"])), ("paid", "0.00", 1))


class Addresses(unittest.TestCase):
    def test_a_known_address_names_its_methods(self):
        for path in document.document["paths"]:
            allowed = {name.split()[0] for name in document.operations() if name.split()[1] == path}
            for verb in ("PUT", "PATCH", "DELETE", "POST", "OPTIONS"):
                if verb in allowed:
                    continue
                plain = path.replace("{", "x").replace("}", "")
                # A word may stand where another route has an id; what counts is that the answer tells the methods.
                answer = world.admin.request(verb, plain)
                self.assertEqual(answer.status, 405, (verb, path, answer))
                self.assertEqual(document.problem_differences(answer), [])
                told = set(answer.header("Allow").replace(",", " ").split())
                self.assertTrue(allowed <= told and verb not in told, (verb, path, told))

    def test_an_unknown_address_is_a_problem(self):
        for path in ("/nothing", "/invoices/a/b/c", "/", "//invoices", "/invoices/", "/invoices//", "/Invoices"):
            answer = world.admin.get(path)
            self.assertEqual(answer.status, 404, (path, answer))
            self.assertEqual(document.problem_differences(answer), [])

    def test_operation_ids_are_names_and_differ(self):
        ids = [operation["operationId"] for operation in document.operations().values()]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertTrue(all(one.isidentifier() for one in ids), ids)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
