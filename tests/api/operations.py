"""One row for each operation of the API: who may call it, and a request that succeeds for them.

This is a second table of rights, written apart from the product's, and the list of what must be exercised: a route of the
OpenAPI document without a row here fails the tests that read it.
"""
from dataclasses import dataclass, field
from typing import Callable

from installation import PASSWORD

# Callers that own nothing of the object; then who does; then staff by role.
CALLERS = ("anonymous", "broken", "other", "owner", "support", "billing", "admin")
STAFF_ROLES = ("support", "billing", "admin")
EVERY_STAFF = "support billing admin"


@dataclass
class Request:
    path: str
    body: object = None
    status: tuple = ()  # the statuses of success; none: any 2xx
    headers: dict = None


@dataclass
class Row:
    """`about`: "open" to anyone, "login" for any user (about themselves), "account" (an object of the owner: strangers are
    told 404), "installation" (no owner: 403). `allowed`: who may, of CALLERS. `make(world, caller)`: a request, with fresh
    objects where an earlier success used them up."""
    about: str
    allowed: str
    make: Callable
    more: Callable = field(default=None)  # lists that may be short: makes one more item


def expected_denial(row, caller):
    if caller in ("anonymous", "broken"):
        return 401
    if row.about == "account" and caller == "other":
        return 404
    return 403


def is_allowed(row, caller):
    if row.about == "open":
        return True
    if row.about == "login":
        return caller not in ("anonymous", "broken")
    return caller in row.allowed.split()


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def _account(suffix, body=None):
    return lambda w, c: Request(f"/accounts/{w.account}{suffix}", body() if callable(body) else body)


def _at(path, body=None):
    return lambda w, c: Request(path, body() if callable(body) else body)


def _order_body(w):
    return {"items": [{"product_id": w.products["vps-s"], "cycle": "monthly"}]}


def _registration(w):
    return {"name": "New Customer", "email": w.unique("new") + "@example.com", "password": PASSWORD,
            "address": {"street": "1 Elm Street", "city": "Reno", "region": "NV", "postal_code": "89501", "country": "US"},
            "currency": "USD"}


def _session_to_end(w, caller):
    """Another session of whoever calls."""
    client = w.caller(caller)
    if client.token is None or caller == "broken":
        client = w.owner
    email = client.get("/me").json["email"]
    w.anonymous.post("/sessions", {"email": email, "password": PASSWORD}, key=None)
    newest = client.get("/me/sessions?limit=200").json["data"]
    return next(s["id"] for s in newest if not s["current"])


def _webhook(w, path=""):
    body, headers = w.signed({"id": w.unique("evt_"), "type": "payment.updated", "payment": w.payment()})
    return Request("/webhooks/cards" + path, body, headers=headers)


OWNER_AND_STAFF = "owner " + EVERY_STAFF

OPERATIONS = {
    # Anyone.
    "GET /openapi.json": Row("open", "", _at("/openapi.json")),
    "POST /registrations": Row("open", "", lambda w, c: Request("/registrations", _registration(w))),
    "POST /sessions": Row("open", "", _at("/sessions", {"email": "carla@example.com", "password": PASSWORD})),
    "GET /catalog/products": Row("open", "", _at("/catalog/products"), more=lambda w: w.product()),
    "GET /catalog/products/{product}": Row("open", "", lambda w, c: Request(f"/catalog/products/{w.products['vps-m']}")),

    # The user themselves.
    "GET /me": Row("login", "", _at("/me")),
    "PATCH /me": Row("login", "", _at("/me", {"name": "Another Name"})),
    "PUT /me/password": Row("login", "", _at("/me/password", {"current_password": PASSWORD, "new_password": PASSWORD})),
    "GET /me/sessions": Row("login", "", _at("/me/sessions"), more=lambda w: _session_to_end(w, "owner")),
    "DELETE /me/sessions/{session}": Row("login", "", lambda w, c: Request(f"/me/sessions/{_session_to_end(w, c)}")),
    "DELETE /sessions/current": Row("login", "", _at("/sessions/current")),

    # Accounts.
    "GET /accounts": Row("installation", EVERY_STAFF, _at("/accounts")),
    "GET /accounts/{account}": Row("account", OWNER_AND_STAFF, _account("")),
    "PATCH /accounts/{account}": Row("account", "owner billing admin", _account("", {"phone": "+1 503 555 0100"})),
    "GET /accounts/{account}/members": Row("account", "owner support admin", _account("/members")),
    "GET /accounts/{account}/audit-events": Row("account", "owner admin", _account("/audit-events")),
    "GET /audit-events": Row("installation", "admin", _at("/audit-events")),

    # Catalog.
    "POST /catalog/products": Row("installation", "admin", lambda w, c: Request("/catalog/products", {
        "code": w.unique("made-"), "name": "Made", "prices": [{"cycle": "monthly", "amount": usd("2.00"), "setup_fee": usd("1.00")}]})),
    "PATCH /catalog/products/{product}": Row("installation", "admin", lambda w, c: Request(f"/catalog/products/{w.product()}", {
        "name": "Renamed"})),
    "DELETE /catalog/products/{product}": Row("installation", "admin", lambda w, c: Request(f"/catalog/products/{w.product()}")),
    "GET /promotions": Row("installation", "admin", _at("/promotions")),
    "POST /promotions": Row("installation", "admin", lambda w, c: Request("/promotions", {
        "code": w.unique("SAVE"), "percent": "12.5", "valid_until": "2027-12-31"})),

    # Orders and services.
    "POST /accounts/{account}/quotes": Row("account", "owner billing admin", lambda w, c: Request(
        f"/accounts/{w.account}/quotes", _order_body(w))),
    "POST /accounts/{account}/orders": Row("account", "owner billing admin", lambda w, c: Request(
        f"/accounts/{w.account}/orders", _order_body(w))),
    "GET /accounts/{account}/orders": Row("account", OWNER_AND_STAFF, _account("/orders"), more=lambda w: w.order()),
    "GET /accounts/{account}/services": Row("account", OWNER_AND_STAFF, _account("/services"), more=lambda w: w.order()),
    "GET /services": Row("installation", EVERY_STAFF, _at("/services")),
    "GET /services/{service}": Row("account", OWNER_AND_STAFF, lambda w, c: Request(f"/services/{w.service(active=False)}")),
    "PATCH /services/{service}": Row("account", "owner support admin", lambda w, c: Request(
        f"/services/{w.service(active=False)}", {"label": "web-1"})),
    "POST /services/{service}/change": Row("account", "owner billing admin", lambda w, c: Request(
        f"/services/{w.service()}/change", {"product_id": w.products["vps-m"]})),
    "DELETE /services/{service}/change": Row("account", "owner billing admin", lambda w, c: Request(
        f"/services/{w.changing_service()}/change")),
    "PUT /services/{service}/cancellation": Row("account", "owner billing admin", lambda w, c: Request(
        f"/services/{w.service()}/cancellation", {"when": "end_of_period", "reason": "moving"})),
    "GET /services/{service}/cancellation": Row("account", OWNER_AND_STAFF, lambda w, c: Request(
        f"/services/{w.cancelled_service()}/cancellation")),
    "DELETE /services/{service}/cancellation": Row("account", "owner billing admin", lambda w, c: Request(
        f"/services/{w.cancelled_service()}/cancellation")),
    "POST /services/{service}/operations/suspend": Row("account", "admin", lambda w, c: Request(
        f"/services/{w.service()}/operations/suspend", {"reason": "abuse"})),
    "POST /services/{service}/operations/unsuspend": Row("account", "admin", lambda w, c: Request(
        f"/services/{w.suspended_service()}/operations/unsuspend", {})),
    "POST /services/{service}/operations/terminate": Row("account", "admin", lambda w, c: Request(
        f"/services/{w.service()}/operations/terminate", {"reason": "abuse"})),
    "POST /services/{service}/operations/provision": Row("account", "admin", lambda w, c: Request(
        f"/services/{w.service()}/operations/provision", {})),

    # Invoices.
    "GET /accounts/{account}/invoices": Row("account", OWNER_AND_STAFF, _account("/invoices"), more=lambda w: w.invoice()),
    "GET /invoices": Row("installation", EVERY_STAFF, _at("/invoices"), more=lambda w: w.invoice()),
    "GET /invoices/{invoice}": Row("account", OWNER_AND_STAFF, lambda w, c: Request(f"/invoices/{w.invoice()}")),
    "GET /invoices/{invoice}/explanation": Row("account", OWNER_AND_STAFF, lambda w, c: Request(f"/invoices/{w.invoice()}/explanation")),
    "POST /invoices": Row("account", "billing admin", lambda w, c: Request("/invoices", {
        "account_id": w.account, "due_on": "2027-02-01", "lines": [{"description": "Work", "unit_price": usd("10.00"), "quantity": 2}]})),
    "PATCH /invoices/{invoice}": Row("account", "billing admin", lambda w, c: Request(
        f"/invoices/{w.invoice()}", {"status": "void", "reason": "a mistake"})),
    "POST /invoices/{invoice}/credit-notes": Row("account", "billing admin", lambda w, c: Request(
        f"/invoices/{w.invoice()}/credit-notes", {"reason": "goodwill", "amount": usd("1.00")})),
    "POST /invoices/{invoice}/credit": Row("account", "owner billing admin", lambda w, c: Request(
        f"/invoices/{w.credit()}/credit", {"amount": usd("1.00")})),

    # Payments.
    "POST /invoices/{invoice}/payments": Row("account", "owner billing admin", lambda w, c: Request(
        f"/invoices/{w.invoice()}/payments", {"gateway": "cards"})),
    "GET /invoices/{invoice}/payments": Row("account", OWNER_AND_STAFF, lambda w, c: Request(f"/invoices/{w.invoice()}/payments")),
    "POST /accounts/{account}/deposits": Row("account", "owner billing admin", _account(
        "/deposits", {"amount": usd("5.00"), "gateway": "cards"})),
    "GET /accounts/{account}/payments": Row("account", OWNER_AND_STAFF, _account("/payments"), more=lambda w: w.payment()),
    "GET /payments": Row("installation", EVERY_STAFF, _at("/payments")),
    "GET /payments/{payment}": Row("account", OWNER_AND_STAFF, lambda w, c: Request(f"/payments/{w.payment()}")),
    "PATCH /payments/{payment}": Row("account", "billing admin", lambda w, c: Request(
        f"/payments/{w.payment(gateway='bank')}", {"status": "succeeded", "received": usd("20.00"), "reference": w.unique("stmt-")})),
    "POST /payments/{payment}/refunds": Row("account", "billing admin", lambda w, c: Request(
        f"/payments/{w.payment()}/refunds", {"reason": "asked", "amount": usd("1.00")})),
    "GET /payments/{payment}/refunds": Row("account", OWNER_AND_STAFF, lambda w, c: Request(f"/payments/{w.refund()}/refunds")),
    "GET /payments/{payment}/refund-requests": Row("account", OWNER_AND_STAFF, lambda w, c: Request(
        f"/payments/{w.refund_request()[0]}/refund-requests")),
    "POST /payments/{payment}/refund-requests": Row("account", "owner billing admin", lambda w, c: Request(
        f"/payments/{w.payment()}/refund-requests", {"reason": "not needed", "amount": usd("1.00")})),
    "GET /refund-requests": Row("login", "", _at("/refund-requests"), more=lambda w: w.refund_request()),
    "GET /refund-requests/{refund_request}": Row("account", OWNER_AND_STAFF, lambda w, c: Request(
        f"/refund-requests/{w.refund_request()[1]}")),
    "DELETE /refund-requests/{refund_request}": Row("account", "owner billing admin", lambda w, c: Request(
        f"/refund-requests/{w.refund_request()[1]}")),
    "PUT /refund-requests/{refund_request}/decision": Row("account", "billing admin", lambda w, c: Request(
        f"/refund-requests/{w.refund_request()[1]}/decision", {"decision": "decline", "reason": "used up"})),
    "GET /payments/{payment}/disputes": Row("account", OWNER_AND_STAFF, lambda w, c: Request(f"/payments/{w.disputed()}/disputes")),
    "POST /payments/{payment}/disputes": Row("account", "billing admin", lambda w, c: Request(
        f"/payments/{w.payment()}/disputes", {"reference": w.unique("dp_"), "status": "opened", "amount": usd("1.00")})),
    "GET /disputes": Row("installation", EVERY_STAFF, _at("/disputes"), more=lambda w: w.disputed()),
    "POST /accounts/{account}/mass-payments": Row("account", "owner billing admin", lambda w, c: Request(
        f"/accounts/{w.account}/mass-payments", {"invoice_ids": [w.invoice(), w.invoice()], "gateway": "cards"})),
    "GET /accounts/{account}/mass-payments": Row("account", OWNER_AND_STAFF, _account("/mass-payments"), more=lambda w: w.mass_payment()),
    "GET /mass-payments/{mass_payment}": Row("account", OWNER_AND_STAFF, lambda w, c: Request(f"/mass-payments/{w.mass_payment()}")),
    "DELETE /mass-payments/{mass_payment}": Row("account", "owner billing admin", lambda w, c: Request(
        f"/mass-payments/{w.mass_payment()}")),
    "POST /mass-payments/{mass_payment}/payments": Row("account", "owner billing admin", lambda w, c: Request(
        f"/mass-payments/{w.declined_mass_payment()}/payments", {"gateway": "bank"})),
    "GET /accounts/{account}/holds": Row("account", OWNER_AND_STAFF, _account("/holds"), more=lambda w: w.hold()),
    "POST /accounts/{account}/holds": Row("account", "owner billing admin", lambda w, c: Request(
        f"/accounts/{w.account}/holds", {"invoice_id": w.unheld_invoice(), "until": "2027-01-10", "reason": "the bank is closed"})),
    "GET /holds/{hold}": Row("account", OWNER_AND_STAFF, lambda w, c: Request(f"/holds/{w.hold()}")),
    "DELETE /holds/{hold}": Row("account", "owner billing admin", lambda w, c: Request(f"/holds/{w.hold('owner')}")),
    "GET /gateways": Row("login", "", _at("/gateways")),
    "GET /accounts/{account}/balance": Row("account", "owner billing admin", _account("/balance")),
    "GET /accounts/{account}/ledger": Row("account", "owner billing admin", _account("/ledger"), more=lambda w: w.payment()),
    "GET /accounts/{account}/payment-methods": Row("account", "owner billing admin", _account("/payment-methods"),
                                                   more=lambda w: w.method()),
    "POST /accounts/{account}/payment-methods": Row("account", "owner", lambda w, c: Request(
        f"/accounts/{w.account}/payment-methods", {"gateway": "cards", "token": "tok_success", "label": w.unique("Card ")})),
    "GET /accounts/{account}/payment-methods/{method}": Row("account", "owner billing admin", lambda w, c: Request(
        f"/accounts/{w.account}/payment-methods/{w.method()}")),
    "PATCH /accounts/{account}/payment-methods/{method}": Row("account", "owner", lambda w, c: Request(
        f"/accounts/{w.account}/payment-methods/{w.method()}", {"label": "My card", "position": 0})),
    "DELETE /accounts/{account}/payment-methods/{method}": Row("account", "owner", lambda w, c: Request(
        f"/accounts/{w.account}/payment-methods/{w.method()}")),
    "GET /accounts/{account}/payment-method-setups": Row("account", "owner billing admin", _account("/payment-method-setups"),
                                                         more=lambda w: w.method_setup()),
    "GET /accounts/{account}/payment-method-setups/{setup}": Row("account", "owner billing admin", lambda w, c: Request(
        f"/accounts/{w.account}/payment-method-setups/{w.method_setup()}")),
    "GET /accounts/{account}/autopay": Row("account", OWNER_AND_STAFF, _account("/autopay")),
    "PUT /accounts/{account}/autopay": Row("account", "owner", lambda w, c: w.method() and Request(
        f"/accounts/{w.account}/autopay", {"enabled": True})),

    # What providers send in.
    "POST /webhooks/{instance}": Row("open", "", lambda w, c: _webhook(w)),
    "POST /webhooks/{instance}/{path}": Row("open", "", lambda w, c: _webhook(w, "/ipn")),
    "GET /webhook-requests": Row("installation", EVERY_STAFF, _at("/webhook-requests"), more=lambda w: w.webhook_request()),
    "GET /webhook-requests/{request}": Row("installation", EVERY_STAFF, lambda w, c: Request(f"/webhook-requests/{w.webhook_request()}")),
    "POST /webhook-requests/{request}/replay": Row("installation", "billing admin", lambda w, c: Request(
        f"/webhook-requests/{w.webhook_request()}/replay")),
    "GET /webhook-refusals": Row("installation", EVERY_STAFF, _at("/webhook-refusals")),
    "GET /suspense-items": Row("installation", EVERY_STAFF, _at("/suspense-items"), more=lambda w: w.suspense()),
    "GET /suspense-items/{item}": Row("installation", EVERY_STAFF, lambda w, c: Request(f"/suspense-items/{w.suspense()}")),
    "POST /suspense-items/{item}/assignment": Row("installation", "billing admin", lambda w, c: Request(
        f"/suspense-items/{w.suspense()}/assignment", {"account_id": w.account, "invoice_id": w.invoice()})),
    "POST /suspense-items/{item}/return": Row("installation", "billing admin", lambda w, c: Request(
        f"/suspense-items/{w.suspense()}/return", {"reason": "sent back"})),

    # Staff.
    "GET /staff-tasks": Row("installation", EVERY_STAFF, _at("/staff-tasks"), more=lambda w: w.task()),
    "POST /staff-tasks/{task}/completion": Row("installation", "billing admin", lambda w, c: Request(
        f"/staff-tasks/{w.task()}/completion", {"reference": w.unique("stmt-")})),
    "GET /accounts/{account}/notifications": Row("account", OWNER_AND_STAFF, _account("/notifications")),
    "GET /notifications": Row("installation", EVERY_STAFF, _at("/notifications")),
    "POST /notifications/{notification}/deliveries": Row("account", "support admin", lambda w, c: Request(
        f"/notifications/{w.failed_message()}/deliveries")),
    "GET /scheduler/jobs": Row("installation", EVERY_STAFF, _at("/scheduler/jobs")),
    "GET /scheduler/jobs/{name}": Row("installation", EVERY_STAFF, _at("/scheduler/jobs/daily")),
    "GET /scheduler/jobs/{name}/runs": Row("installation", EVERY_STAFF, _at("/scheduler/jobs/daily/runs")),
    "POST /scheduler/jobs/{name}/runs": Row("installation", "admin", _at("/scheduler/jobs/daily/runs", {})),
    "POST /scheduler/jobs/{name}/approval": Row("installation", "admin", lambda w, c: Request(
        "/scheduler/jobs/daily/approval", {"run_id": w.held_run(), "decision": "reject", "reason": "a slip of the pen"})),
    "POST /scheduler/preview": Row("installation", "billing admin", _at("/scheduler/preview", {"at": "2027-01-20T12:00:00Z"})),
    "GET /plugins": Row("installation", "support admin", _at("/plugins")),
    "GET /plugins/{instance}": Row("installation", "support admin", _at("/plugins/cards")),
    "POST /plugins/{instance}": Row("installation", "admin", _at("/plugins/cards")),
    "GET /test-clock": Row("installation", EVERY_STAFF, _at("/test-clock")),
    "PUT /test-clock": Row("installation", "admin", lambda w, c: Request("/test-clock", {"now": w.now()})),
}
