"""Every operation of the OpenAPI document, asked by everybody: permissions_test.py BUILD_FOLDER SEED_FOLDER.

Nobody reads or moves what is not theirs: not by the id in the path, not by an id in the body or in a filter, not by an id
of another kind, not by any combination of filters.
"""
import itertools
import sys
import unittest

from client import log_in, ok
from installation import PASSWORD, STAFF, Installation
from operations import CALLERS, OPERATIONS, expected_denial, is_allowed
from world import OTHER, OWNER, World

VERBS = ("get", "post", "put", "patch", "delete")

def setUpModule():
    global installation, world, document
    installation = Installation(sys.argv[1], seed=sys.argv[2])
    installation.start()
    world = World(installation)
    document = ok(world.anonymous.get("/openapi.json")).json


def tearDownModule():
    world.close()
    installation.remove()


class Matrix(unittest.TestCase):
    def test_every_operation_has_a_row_and_every_row_an_operation(self):
        documented = {f"{verb.upper()} {path}" for path, item in document["paths"].items() for verb in item if verb in VERBS}
        self.assertEqual(sorted(documented - set(OPERATIONS)), [], "routes without a row in operations.py: say who may call them")
        self.assertEqual(sorted(set(OPERATIONS) - documented), [], "rows of routes that are gone")

    def test_every_operation_by_every_caller(self):
        wrong = []
        for name, row in OPERATIONS.items():
            denied = [caller for caller in CALLERS if not is_allowed(row, caller)]
            if denied:
                request = row.make(world, denied[-1])
                before = installation.contents()
                for caller in denied:
                    answer = self.ask(world.caller(caller), name, request)
                    if answer.status != expected_denial(row, caller):
                        wrong.append(f"{name} by {caller}: {answer!r}, not {expected_denial(row, caller)}")
                if installation.contents() != before:
                    wrong.append(f"{name}: a denied request changed the store")
            for caller in CALLERS:
                if not is_allowed(row, caller):
                    continue
                client = world.caller(caller)
                if name == "DELETE /sessions/current":
                    email = {"owner": OWNER, "other": OTHER}.get(caller, STAFF.get(caller))
                    client = log_in(world.port, email, PASSWORD)
                answer = self.ask(client, name, row.make(world, caller))
                if not 200 <= answer.status < 300:
                    wrong.append(f"{name} by {caller}: {answer!r}, not a success")
                if client is not world.caller(caller):
                    client.close()
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    @staticmethod
    def ask(client, name, request):
        verb = name.split()[0]
        if verb == "POST":
            return client.post(request.path, request.body, headers=request.headers)
        return client.request(verb, request.path, request.body)


class ForeignIds(unittest.TestCase):
    """Ids of another account where they are not the first thing in the path."""

    def refused(self, answer, pointer=None):
        self.assertIn(answer.status, (403, 404, 422), answer)
        if pointer:
            self.assertIn(pointer, answer.pointers, answer)

    def test_a_foreign_payment_method_pays_nothing(self):
        theirs = world.method(mine=False)
        for body in ({"payment_method": theirs}, {"payment_method": theirs, "gateway": "cards"}):
            invoice = world.invoice()
            before = installation.contents()
            self.refused(world.owner.post(f"/invoices/{invoice}/payments", body))
            deposit = {"amount": {"amount": "5.00", "currency": "USD"}, **body}
            self.refused(world.owner.post(f"/accounts/{world.account}/deposits", deposit))
            self.assertTrue(installation.contents() == before, "something was stored")

    def test_a_foreign_payment_method_is_not_reached_through_the_own_account(self):
        theirs = world.method(mine=False)
        path = f"/accounts/{world.account}/payment-methods/{theirs}"
        self.assertEqual(world.owner.get(path).status, 404)
        self.assertEqual(world.owner.request("PATCH", path, {"label": "mine"}).status, 404)
        self.assertEqual(world.owner.request("DELETE", path).status, 404)
        self.assertEqual(world.admin.get(path).status, 404)
        self.refused(world.owner.request("PUT", f"/accounts/{world.account}/autopay", {"enabled": True, "methods": [theirs]}),
                     "/methods")
        ok(world.other.get(f"/accounts/{world.other_account}/payment-methods/{theirs}"))

    def test_the_line_of_another_invoice_is_not_credited(self):
        theirs = ok(world.admin.get(f"/invoices/{world.invoice(mine=False)}")).json["lines"][0]["id"]
        answer = world.admin.post(f"/invoices/{world.invoice()}/credit-notes", {"reason": "x", "line_ids": [theirs]})
        self.refused(answer, "/line_ids/0")

    def test_a_foreign_session_is_not_ended(self):
        theirs = ok(world.other.get("/me/sessions")).json["data"][0]["id"]
        self.assertEqual(world.owner.request("DELETE", f"/me/sessions/{theirs}").status, 404)
        ok(world.other.get("/me"))

    def test_an_id_of_another_kind_names_nothing(self):
        invoice, payment, service = world.invoice(), world.payment(), world.service(active=False)
        for path, one in (("/invoices/{}", payment), ("/payments/{}", invoice), ("/services/{}", world.account),
                          ("/accounts/{}", invoice), ("/accounts/{}/balance", service), ("/catalog/products/{}", invoice),
                          ("/services/{}/cancellation", payment)):
            # The number of one kind under the prefix of another would be a way round the prefix.
            other_prefix = path.split("/")[1][:3] + "_" + one.split("_")[1]
            for id_text in (other_prefix, one, one.upper() + "0", "1", "inv_", "inv_" + "z" * 13, "%00", "null", "-1"):
                self.assertIn(world.owner.get(path.format(id_text)).status, (400, 404), (path, id_text))

    def test_an_id_in_a_body_is_of_its_kind(self):
        body = {"items": [{"product_id": world.account, "cycle": "monthly"}]}
        answer = world.owner.post(f"/accounts/{world.account}/orders", body)
        self.refused(answer, "/items/0/product_id")
        self.refused(world.admin.post("/invoices", {"account_id": world.products["vps-s"], "due_on": "2027-02-01", "lines": [
            {"description": "x", "unit_price": {"amount": "1.00", "currency": "USD"}}]}), "/account_id")


class Filters(unittest.TestCase):
    def test_no_combination_of_filters_leaves_the_scope(self):
        """Every list of the account, with every combination of its filters and of parameters of the staff's lists."""
        world.invoice(mine=False), world.payment(mine=False), world.service(mine=False)
        theirs = {"account": world.other_account, "account_id": world.other_account}
        tried = 0
        for path, item in document["paths"].items():
            operation = item.get("get")
            if not path.startswith("/accounts/{account}/") or path.count("{") > 1 or not operation:
                continue
            named = [p for p in operation["parameters"] if p["in"] == "query" and p["name"] not in ("limit", "cursor")]
            values = [[None, *self.values_of(p)] for p in named]
            for chosen in itertools.product(*values):
                query = "&".join(f"{p['name']}={value}" for p, value in zip(named, chosen) if value is not None)
                answer = world.owner.get(path.replace("{account}", world.account) + ("?" + query if query else ""))
                self.assertEqual(answer.status, 200, (path, query, answer))
                self.assertNotIn(world.other_account, answer.body.decode(), (path, query))
                # The other's account, whatever the filters: as if it did not exist.
                answer = world.owner.get(path.replace("{account}", world.other_account) + ("?" + query if query else ""))
                self.assertEqual(answer.status, 404, (path, query))
                tried += 1
            for name, value in theirs.items():
                answer = world.owner.get(path.replace("{account}", world.account) + f"?{name}={value}")
                self.assertEqual(answer.status, 422, (path, name, answer))
        self.assertGreater(tried, 20)

    @staticmethod
    def values_of(parameter):
        schema = parameter["schema"]
        if "enum" in schema:
            return schema["enum"]
        return {"date": ["2027-12-31"]}.get(schema.get("format"), ["x"])

    def test_the_lists_of_staff_are_closed_to_customers_whatever_they_filter_by(self):
        for path in ("/invoices", "/services", "/payments", "/notifications", "/audit-events", "/accounts", "/staff-tasks",
                     "/disputes", "/webhook-requests", "/suspense-items"):
            for query in ("", f"?account={world.account}", "?limit=1", f"?account={world.account}&limit=1"):
                self.assertEqual(world.owner.get(path + query).status, 403, path + query)

    def test_the_account_filter_of_staff_holds_with_every_other(self):
        world.payment(mine=False), world.payment()
        for path in ("/invoices", "/services", "/payments", "/notifications", "/audit-events"):
            operation = document["paths"][path]["get"]
            named = [p for p in operation["parameters"] if p["in"] == "query" and p["name"] not in ("limit", "cursor", "account")]
            for chosen in itertools.product(*[[None, *self.values_of(p)] for p in named]):
                query = "".join(f"&{p['name']}={value}" for p, value in zip(named, chosen) if value is not None)
                rows = ok(world.admin.get(f"{path}?account={world.account}{query}")).json["data"]
                self.assertEqual({row["account_id"] for row in rows} - {world.account}, set(), (path, query))


class Escalation(unittest.TestCase):
    def test_a_customer_gives_themselves_nothing(self):
        account = f"/accounts/{world.account}"
        self.assertEqual(world.owner.request("PATCH", account, {"tax_exempt": True}).status, 403)
        for body in ({"staff_role": "admin"}, {"name": "x", "staff_role": "admin"}, {"name": "x", "role": "admin"}):
            self.assertEqual(world.owner.request("PATCH", "/me", body).status, 422)
        for extra in ({"staff_role": "admin"}, {"role": "admin"}, {"status": "active"}, {"autopay_enabled": True}, {"id": world.account}):
            self.assertEqual(world.owner.request("PATCH", account, extra).status, 422, extra)
            self.assertEqual(world.anonymous.post("/registrations", {
                "name": "Eve", "email": world.unique("eve") + "@example.com", "password": PASSWORD, "address": {"country": "US"}, **extra},
                key=None).status, 422, extra)

    def test_a_customer_names_no_price(self):
        order = {"product_id": world.products["vps-s"], "cycle": "monthly"}
        for extra in ({"price": {"amount": "0.01", "currency": "USD"}}, {"setup_fee": {"amount": "0.00", "currency": "USD"}},
                      {"currency": "EUR"}, {"quantity": 0}, {"quantity": -1}, {"quantity": 10**9}, {"cycle": "weekly"}):
            answer = world.owner.post(f"/accounts/{world.account}/orders", {"items": [{**order, **extra}]})
            self.assertEqual(answer.status, 422, (extra, answer))

    def test_nothing_over_http_makes_staff_or_sets_up(self):
        for path in ("/staff", "/users", "/admin", "/setup", "/install", "/system", "/debug", "/migrations"):
            for verb in ("GET", "POST", "PUT"):
                self.assertEqual(world.admin.request(verb, path, None if verb == "GET" else {}).status, 404, path)

    def test_a_session_ends_at_once_with_logout_and_change_of_password(self):
        one, two = (log_in(world.port, "kit@example.com", PASSWORD) for _ in range(2))
        ok(one.request("PUT", "/me/password", {"current_password": PASSWORD, "new_password": PASSWORD + "x"}))
        self.assertEqual(two.get("/me").status, 401)
        ok(one.get("/me"))
        ok(one.request("DELETE", "/sessions/current"))
        self.assertEqual(one.get("/me").status, 401)
        one.close(), two.close()

    def test_a_token_is_found_by_its_whole_self_only(self):
        token = world.owner.token
        for wrong in (token[:-1], token + "0", token.upper(), token.lower()[::-1], " ", token.replace("burs_", "")):
            if wrong != token:
                self.assertEqual(world.anonymous.get("/me", headers={"Authorization": f"Bearer {wrong}"}).status, 401, wrong)
        self.assertEqual(world.anonymous.get(f"/me?token={token}").status, 401)
        self.assertEqual(world.anonymous.get("/me", headers={"Authorization": f"Basic {token}"}).status, 401)
        self.assertEqual(world.anonymous.get("/me", headers={"Authorization": ""}).status, 401)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
