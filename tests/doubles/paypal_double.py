#!/usr/bin/env python3
"""A stateful double of PayPal for tests, and for a person who wants to click: Orders v2, Payments v2, vault v3, OAuth and
webhooks, with an append-only book. A customer approves on the page that an order's link leads to. Beside the orders of
provider_double.py it knows, each with the fields of its `control_` function below:

  /approve, /approve_setup         the customer agrees, without the page
  /next_capture, /next_refund      what becomes of the next one: {"issue"} or {"status", "reason", "response_code"}
  /settle                          ends a pending capture
  /refund_there, /fail_refund      the seller refunds in PayPal's own pages; a refund fails after it had succeeded
  /dispute, /resolve               a buyer disputes a capture, and how it ends; both send their events
  /lapse                           forgets an order that was not captured in time
  /forget_request_ids, /revoke_access, /allow_doubled_invoices, /vault_later
  /token                           a saved account
  /event                           signs an event about an order, capture, refund, token, or any resource
  /answer_verdict                  what PayPal says of a webhook's signature, whatever it is
"""
import base64
import html
import json
import time
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs

from paypal_ledger import Ledger, Refused, money
from paypal_signer import Signer
from provider_double import Answer, ProviderDouble, main

CLIENT, SECRET, WEBHOOK = "client-of-the-double", "secret-of-the-double", "5GP028458E2496506"


class Described:
    """PayPal's descriptions leave out OAuth and the certificates; the pages are for people."""

    LEFT_OUT = ("/v1/oauth2/", "/v1/notifications/certs/", "/checkoutnow", "/agreements/")

    def __init__(self, contract):
        self.contract = contract

    def request_faults(self, method, path, *rest):
        return [] if path.startswith(self.LEFT_OUT) else self.contract.request_faults(method, path, *rest)

    def answer_faults(self, method, path, status, *rest):
        return [] if path.startswith(self.LEFT_OUT) or status >= 400 else self.contract.answer_faults(method, path, status, *rest)


class PayPalDouble(ProviderDouble):
    __doc__ = __doc__
    name = "paypal"
    descriptions = ("paypal-checkout_orders_v2", "paypal-payments_payment_v2", "paypal-vault_payment_tokens_v3",
                    "paypal-notifications_webhooks_v1")

    def __init__(self, folder, now=None):
        super().__init__(folder, now)
        self.contract = Described(self.contract) if self.contract is not None else None
        self.ledger = Ledger(self.url, self.book)
        self.signer = Signer(Path(folder), WEBHOOK)
        self.access = {}  # token: when it ends
        self.replays = {}
        self.next_refunds = []
        self.verdict = None

    # ---- the provider's API ----
    def serve(self, request):
        if request.path in ("/checkoutnow", "/agreements/approve"):
            return self.page(request)
        try:
            return self.dispatch(request)
        except Refused as no:
            return Answer(no.status, no.body)

    def dispatch(self, request):
        path = request.path
        if path == "/v1/oauth2/token":
            return self.give_access(request)
        if path.startswith("/v1/notifications/certs/"):
            pem = self.signer.pem(path.rsplit("/", 1)[1])
            return Answer(404, b"") if pem is None else Answer(200, pem, {"Content-Type": "application/x-pem-file"})
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.access.get(token, 0) <= self.now():
            return Answer(401, {"error": "invalid_token", "error_description": "Token signature verification failed"})
        if path == "/v1/notifications/verify-webhook-signature":
            genuine = self.signer.verify(request.json(), request.body) if self.verdict is None else self.verdict
            return Answer(200, {"verification_status": "SUCCESS" if genuine else "FAILURE"})
        if request.method != "POST":
            return self.read(request)
        # A request id belongs to one resource; the first answer is given again, also a refusal.
        key = (path, request.headers.get("paypal-request-id"))
        if key not in self.replays or key[1] is None:
            self.replays[key] = self.first_answer(request)
            return self.replays[key]
        first = self.replays[key]
        again = 200 if first.status == 201 and not path.endswith("/refund") else first.status
        return Answer(again, first.body)

    def first_answer(self, request):
        try:
            return self.act(request, json.loads(request.body or b"{}"))
        except Refused as no:
            return Answer(no.status, no.body)
        except ValueError:
            return Answer(400, Refused(400, "INVALID_REQUEST", "MALFORMED_REQUEST_JSON").body)

    def give_access(self, request):
        wanted = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}" or request.form() != {"grant_type": "client_credentials"}:
            return Answer(401, {"error": "invalid_client", "error_description": "Client Authentication failed"})
        token = f"A21AA-{len(self.access)}-{Ledger.new_id()}"
        self.access[token] = self.now() + 32400
        return Answer(200, {"scope": "https://uri.paypal.com/services/payments", "access_token": token, "token_type": "Bearer",
                            "expires_in": 32400})

    def read(self, request):
        path, parts, ledger = request.path, request.path.split("/"), self.ledger
        if request.method == "DELETE" and path.startswith("/v3/vault/payment-tokens/"):
            ledger.tokens.pop(parts[4], None)
            return Answer(204, b"")
        shelves = {"/v2/checkout/orders/": (ledger.orders, ledger.shown), "/v2/payments/captures/": (ledger.captures, ledger.shown_capture),
                   "/v2/payments/refunds/": (ledger.refunds, ledger.shown_refund),
                   "/v3/vault/payment-tokens/": (ledger.tokens, ledger.shown_token),
                   "/v3/vault/setup-tokens/": (ledger.setups, ledger.shown_setup)}
        for start, (shelf, shown) in shelves.items():
            if request.method == "GET" and path.startswith(start) and parts[4] in shelf:
                return Answer(200, shown(shelf[parts[4]]))
        raise Refused(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")

    def act(self, request, body):
        path, parts, ledger = request.path, request.path.split("/"), self.ledger
        if path == "/v2/checkout/orders":
            order = ledger.make_order(body)
            return Answer(200 if order["status"] == "PAYER_ACTION_REQUIRED" else 201, self.order_answer(order, request))
        if path.startswith("/v2/checkout/orders/") and parts[-1] == "capture":
            return Answer(201, self.order_answer(ledger.capture(parts[4], body), request))
        if path.startswith("/v2/payments/captures/") and parts[-1] == "refund":
            script = self.next_refunds.pop(0) if self.next_refunds else {}
            return Answer(201, ledger.shown_refund(ledger.refund(parts[4], body, script)))
        if path == "/v3/vault/setup-tokens":
            return Answer(201, ledger.shown_setup(ledger.make_setup(body)))
        if path == "/v3/vault/payment-tokens":
            return Answer(201, ledger.shown_token(ledger.token_of_setup(body["payment_source"]["token"]["id"])))
        raise Refused(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")

    def order_answer(self, order, request):
        whole = self.ledger.shown(order)
        if "return=representation" in request.headers.get("prefer", ""):
            return whole
        return {name: whole[name] for name in ("id", "status", "links")}

    # ---- the pages a person sees ----
    def page(self, request):
        order = request.path == "/checkoutnow"
        shelf = self.ledger.orders if order else self.ledger.setups
        thing = shelf.get(request.arguments().get("token" if order else "approval_session_id"))
        if thing is None:
            return Answer(404, "This link has lapsed.", {"Content-Type": "text/plain"})
        if request.method == "POST":
            agrees = parse_qs(request.body.decode()).get("choice") == ["approve"]
            if agrees and order:
                self.ledger.approve(thing["id"])
            elif agrees:
                thing["status"] = "APPROVED"
            back = thing["_return"] if agrees else thing.get("_cancel") or thing["_return"]
            return Answer(303, b"", {"Location": back + ("&" if "?" in back else "?") + "token=" + thing["id"]})
        amount = thing.get("purchase_units", [{}])[0].get("amount")
        what = html.escape(f"Pay {amount['value']} {amount['currency_code']}" if amount else "Keep this PayPal account")
        return Answer(200, f"<!doctype html><title>PayPal (double)</title><h1>{what}</h1><form method=post>"
                           "<button name=choice value=approve>Approve</button> <button name=choice value=cancel>Cancel</button></form>",
                      {"Content-Type": "text/html; charset=utf-8"})

    # ---- what a test tells it ----
    def control_approve(self, order, email="buyer@example.com"):
        self.ledger.approve(order, email)

    def control_approve_setup(self, setup):
        self.ledger.setups[setup]["status"] = "APPROVED"

    def control_next_capture(self, **script):
        self.ledger.next_captures.append(script)

    def control_next_refund(self, **script):
        self.next_refunds.append(script)

    def control_settle(self, capture, status):
        self.ledger.settle(capture, status)

    def control_refund_there(self, capture, value):
        refund = self.ledger.refund(capture, {"amount": money(value, self.ledger.captures[capture]["amount"]["currency_code"])}, {})
        refund["create_time"] = self.instant()
        self.control_event("PAYMENT.CAPTURE.REFUNDED", about="refund", id=refund["id"])
        return {"id": refund["id"]}

    def control_fail_refund(self, refund):
        """It had succeeded, and could not be paid out after all."""
        refund = self.ledger.refunds[refund]
        refund["status"] = "FAILED"
        self.ledger.enter("refund_failed", refund)
        self.control_event("PAYMENT.REFUND.FAILED", about="refund", id=refund["id"])

    def control_dispute(self, capture, value=None, reason="UNAUTHORISED"):
        taken = self.ledger.captures[capture]
        amount = money(value or taken["amount"]["value"], taken["amount"]["currency_code"])
        dispute = {"dispute_id": f"PP-R-{len(self.ledger.disputes) + 1:03}", "create_time": self.instant(), "reason": reason, "status": "OPEN",
                   "dispute_life_cycle_stage": "CHARGEBACK", "dispute_amount": amount,
                   "disputed_transactions": [{"seller_transaction_id": capture, "custom": taken["custom_id"]}]}
        self.ledger.disputes[dispute["dispute_id"]] = dispute
        self.ledger.enter("dispute", {"id": dispute["dispute_id"], "amount": amount, "custom_id": taken["custom_id"]})
        self.control_event("CUSTOMER.DISPUTE.CREATED", dispute)
        return dispute

    def control_resolve(self, dispute, outcome, refunded=None, by_refund=False, reverses=False):
        """`refunded`: what the buyer gets, all by default where they win; `by_refund`: as a refund of the capture; `reverses`: PayPal
        tells of a reversal too."""
        dispute = self.ledger.disputes[dispute]
        capture = dispute["disputed_transactions"][0]["seller_transaction_id"]
        whole, lost = dispute["dispute_amount"], outcome in ("RESOLVED_BUYER_FAVOUR", "ACCEPTED")
        gone = Decimal(refunded or whole["value"]) if lost else Decimal(0)
        back = Decimal(whole["value"]) - (Decimal(0) if by_refund else gone)
        dispute.update(status="RESOLVED", dispute_outcome={"outcome_code": outcome})
        if lost:
            dispute["dispute_outcome"]["amount_refunded"] = money(str(gone), whole["currency_code"])
        if back:
            self.ledger.enter("dispute_back", {"id": dispute["dispute_id"], "amount": money(str(back), whole["currency_code"]),
                                               "custom_id": dispute["disputed_transactions"][0]["custom"]})
        if lost and by_refund:
            self.control_refund_there(capture, str(gone))
        if reverses:
            self.control_event("PAYMENT.CAPTURE.REVERSED", {
                "id": Ledger.new_id(), "custom_id": dispute["disputed_transactions"][0]["custom"], "amount": money(str(gone), whole["currency_code"]),
                "links": [{"rel": "up", "method": "GET", "href": f"{self.url}/v2/payments/captures/{capture}"}]})
        self.control_event("CUSTOMER.DISPUTE.RESOLVED", dispute)

    def instant(self):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now()))

    def control_lapse(self, order):
        if self.ledger.orders[order]["status"] == "COMPLETED":
            raise ValueError("a captured order does not lapse")
        del self.ledger.orders[order]

    def control_token(self, email="saved@example.com"):
        return {"token": self.ledger.new_token(email)}

    def control_has_token(self, token):
        return {"there": token in self.ledger.tokens}

    def control_forget_request_ids(self):
        self.replays.clear()

    def control_revoke_access(self):
        self.access = dict.fromkeys(self.access, 0)

    def control_allow_doubled_invoices(self):
        self.ledger.block_invoices = False

    def control_vault_later(self):
        self.ledger.vault_at_once = False

    def control_answer_verdict(self, genuine=None):
        self.verdict = genuine

    def control_about(self):
        return {"client_id": CLIENT, "client_secret": SECRET, "webhook_id": WEBHOOK}

    def control_authority(self):
        return {"pem": self.signer.authority}

    def control_judge(self, method, path, headers, body):
        return self.contract.request_faults(method, path, "", headers, body.encode())

    def control_event(self, type, resource=None, about=None, id=None, age=0, certificate="CERT-good"):
        ledger = self.ledger
        shelves = {"order": (ledger.orders, ledger.shown), "capture": (ledger.captures, ledger.shown_capture),
                   "refund": (ledger.refunds, ledger.shown_refund), "token": (ledger.tokens, ledger.shown_token)}
        if resource is None:
            shelf, shown = shelves[about]
            resource = shown(shelf[id])
        at = self.now() - age
        event = {"id": f"WH-{Ledger.new_id()}-{Ledger.new_id()}", "event_version": "1.0", "resource_type": about or "resource",
                 "create_time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at)),
                 "event_type": type, "summary": "An event of the double.", "resource": resource}
        body = json.dumps(event)
        self.emit(event["id"], type, body)
        return {"body": body, "headers": self.signer.sign(body.encode(), self.url, at, certificate)}

    def tell_of(self, request, answer):
        if request.path.endswith("/capture"):
            self.control_event("PAYMENT.CAPTURE.COMPLETED", about="capture", id=self.book.entries[-1]["id"])
        if request.path.endswith("/refund"):
            self.control_event("PAYMENT.CAPTURE.REFUNDED", about="refund", id=answer.json()["id"])

    def signed(self, body, how):
        ages = {"old": 30 * 86400, "stale": 30 * 86400, "future": -86400}
        headers = self.signer.sign(body.encode(), self.url, self.now() - ages.get(how, 0))
        if how == "wrong":
            headers["paypal-transmission-id"] = "another"
        return headers


if __name__ == "__main__":
    main(PayPalDouble)
