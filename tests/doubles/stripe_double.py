"""A double of Stripe: customers, methods, Checkout pages, PaymentIntents, SetupIntents, refunds, disputes and events.

What a card does is in its name: "visa" pays; "delayed" is a bank debit that settles when told; "authentication" is
refused while the customer is away and pays on a page; "decline:CODE" and "decline:CODE:ADVICE" are declined with that
decline code and advice. A person may pay as well: a Checkout page's address opens in a browser.

Beside the orders of every double: /pay /expire /settle /method /renew /forget_customer /dispute /close_dispute
/withdraw /give_fee_back /balance /dashboard_refund /fail_refund /event /raw_event /configure /state,
each a `control_` method below.
"""
import hashlib
import hmac
import html
import json

from provider_double import Answer, ProviderDouble, main

VERSION = "2026-10-28.endive"
IDEMPOTENCY_KEPT = 24 * 3600
WHOLE_ONLY = ("isk", "ugx")
THREE_DECIMALS = ("bhd", "jod", "kwd", "omr", "tnd")
AUTHENTICATION = {"code": "authentication_required", "decline_code": "authentication_required",
                  "message": "Your card was declined. This transaction requires authentication."}


class Refused(Exception):
    """An error answer of Stripe's."""

    def __init__(self, status, kind, message, **more):
        super().__init__(message)
        self.answer = Answer(status, {"error": {"type": kind, "message": message, **more}})


def invalid(message, **more):
    return Refused(400, "invalid_request_error", message, **more)


def missing(what, name, param):
    return Refused(404, "invalid_request_error", f"No such {what}: '{name}'", code="resource_missing", param=param)


def refusal_of(card, present):
    """The error that a charge of this card ends in, or None."""
    if card == "authentication":
        return None if present else AUTHENTICATION
    if not card.startswith("decline:"):
        return None
    _, code, *advice = card.split(":")
    own = code in ("expired_card", "incorrect_cvc", "processing_error", "incorrect_number")
    error = {"code": code if own else "card_declined", "message": "Your card was declined."}
    if not own:
        error["decline_code"] = code
    if advice:
        error["advice_code"] = advice[0]
    return error


class StripeDouble(ProviderDouble):
    name = "stripe"
    descriptions = ("stripe",)
    undescribed = ("/pay/",)

    def __init__(self, folder, now=None):
        super().__init__(folder, now)
        self.objects = {}  # id: object, all kinds, in the order they were made
        self.cards = {}  # payment method: what its card does
        self.stored_answers = {}  # idempotency key: (when, request, answer)
        self.in_progress = set()
        self.counter = 0
        self.search_lag = 60
        self.page_size = 100
        self.livemode = False
        self.payout = None  # the currency Stripe counts in, where that is another than is charged
        self.secret = "whsec_double"
        self.old_secret = "whsec_double_before"

    # Idempotency.

    def arrived(self, request):
        key = request.headers.get("idempotency-key")
        if request.method != "POST" or not key:
            return None
        if key in self.in_progress:
            return Answer(409, {"error": {"type": "invalid_request_error", "code": "idempotency_key_in_use", "message": "in progress"}})
        when, before, answer = self.stored_answers.get(key, (0, None, None))
        if before is not None and self.now() - when <= IDEMPOTENCY_KEPT:
            if before != (request.path, request.body):
                return Answer(400, {"error": {"type": "idempotency_error",
                                              "message": "Keys for idempotent requests can only be used with the same parameters."}})
            return Answer(answer.status, answer.body, {**answer.headers, "Idempotent-Replayed": "true"})
        self.in_progress.add(key)
        return None

    def answered(self, request, answer, ran):
        key = request.headers.get("idempotency-key")
        if request.method == "POST" and key:
            self.in_progress.discard(key)
            # Limits and checks of the parameters come before the work, and are not kept.
            if answer is not None and (answer.status in (200, 402) or answer.status >= 500):
                self.stored_answers[key] = (self.now(), (request.path, request.body), answer)

    # Requests.

    def serve(self, request):
        try:
            if request.path.startswith("/pay/"):
                return self.page(request)
            key = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not key.startswith(("sk_test_", "rk_test_", "sk_live_", "rk_live_")):
                raise Refused(401, "invalid_request_error", "Invalid API Key provided")
            result = self.routed(request)
            arguments = request.form() if request.method == "POST" else request.arguments()
            return Answer(200, self.expanded(result, arguments.get("expand", [])), {"Content-Type": "application/json",
                                                                                   "Request-Id": f"req_{len(self.requests)}"})
        except Refused as refused:
            return refused.answer

    def routed(self, request):
        parts = request.path.strip("/").split("/")[1:]
        form = request.form() if request.method == "POST" else request.arguments()
        kind, name, act = (parts + [None, None, None])[:3]
        if kind == "checkout":
            kind, name, act = "checkout/sessions", parts[2] if len(parts) > 2 else None, parts[3] if len(parts) > 3 else None
        if request.method == "GET" and kind == "balance":
            return {"object": "balance", "livemode": self.livemode, "available": [], "pending": []}
        what = {"checkout/sessions": "session", "payment_intents": "intent", "payment_methods": "method", "refunds": "refund",
                "customers": "customer", "setup_intents": "setup", "charges": "charge", "disputes": "dispute"}.get(kind)
        handler = getattr(self, f"{request.method.lower()}_{what}" + (f"_{act}" if act else "" if name else "s"), None)
        if request.path == "/v1/payment_intents/search":
            return self.search(form)
        if handler is not None:
            return handler(form) if name is None else handler(name, form)
        if request.method == "GET" and name is not None and what is not None:
            return self.get(name, kind.rstrip("s"), name_of_parameter(kind))
        raise Refused(404, "invalid_request_error", f"Unrecognized request URL ({request.method}: {request.path})")

    def get(self, name, what, param="id"):
        if name not in self.objects or self.objects[name].get("deleted"):
            raise missing(what, name, param)
        return self.objects[name]

    def make(self, prefix, kind, **fields):
        self.counter += 1
        made = {"id": f"{prefix}_{self.counter:06}", "object": kind, "created": self.now(), "livemode": self.livemode, **fields}
        self.objects[made["id"]] = made
        return made

    def expanded(self, result, paths):
        result = json.loads(json.dumps(result))
        for path in paths:
            self.expand(result, path.split("."))
        return result

    def expand(self, node, path):
        field, *rest = path
        value = node.get(field)
        if isinstance(value, str) and value in self.objects:
            value = node[field] = json.loads(json.dumps(self.objects[value]))
        for child in value if isinstance(value, list) else [value]:
            if rest and isinstance(child, dict):
                self.expand(child, rest)

    def listed(self, found, form, url):
        found = list(reversed(found))
        if "starting_after" in form:
            ids = [item["id"] for item in found]
            found = found[ids.index(form["starting_after"]) + 1:]
        limit = min(int(form.get("limit", 10)), self.page_size)
        return {"object": "list", "url": url, "has_more": len(found) > limit, "data": found[:limit]}

    def of_kind(self, kind):
        return [item for item in self.objects.values() if item["object"] == kind]

    def event(self, kind, item, before=None):
        made = self.make("evt", "event", type=kind, api_version=VERSION, pending_webhooks=1,
                         data={"object": json.loads(json.dumps(item)), **({} if before is None else {"previous_attributes": before})})
        self.emit(made["id"], kind, json.dumps(made))

    def signed(self, body, how):
        at = self.now() + {"stale": -3600, "future": 3600}.get(how, 0)
        secrets = {"wrong": ["whsec_another"], "old": [self.old_secret], "both": [self.old_secret, self.secret]}.get(how, [self.secret])
        text = f"t={at}"
        for secret in secrets:
            text += ",v1=" + hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
        return {"Stripe-Signature": text + ",v0=0123"}

    # Customers and methods.

    def post_customers(self, form):
        customer = self.make("cus", "customer", email=form.get("email"), name=form.get("name"), metadata=form.get("metadata", {}))
        self.book.write("customer", id=customer["id"], metadata=customer["metadata"])
        return customer

    def new_method(self, card, customer):
        if card == "delayed":
            method = self.make("pm", "payment_method", type="us_bank_account", us_bank_account={"last4": "6789", "bank_name": "TEST BANK"})
        else:
            method = self.make("pm", "payment_method", type="card",
                               card={"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2031, "country": "US"})
        method["metadata"] = {}
        self.cards[method["id"]] = (card, customer)
        return method

    def post_method_detach(self, name, form):
        method = self.get(name, "PaymentMethod", "payment_method")
        card, customer = self.cards[name]
        if customer is None:
            raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
        self.cards[name] = (card, None)
        self.book.write("detach", method=name)
        self.event("payment_method.detached", method, {"customer": customer})
        return method

    # Paying.

    def check_amount(self, amount, currency, param):
        if amount < 50 and currency in ("usd", "eur"):
            raise invalid("Amount must be at least 50 cents", code="amount_too_small", param=param)
        if amount > 99_999_999:
            raise invalid("Amount must be no more than 999,999.99", code="amount_too_large", param=param)
        if currency in WHOLE_ONLY and amount % 100 or currency in THREE_DECIMALS and amount % 10:
            raise invalid(f"Invalid amount for {currency}", code="invalid_charge_amount_no_decimal_compatible", param=param)

    def new_intent(self, amount, currency, customer, data):
        return self.make("pi", "payment_intent", amount=amount, amount_received=0, currency=currency, customer=customer,
                         metadata=data.get("metadata", {}), description=data.get("description"), status="requires_payment_method",
                         setup_future_usage=data.get("setup_future_usage"), payment_method=None, latest_charge=None,
                         statement_descriptor_suffix=data.get("statement_descriptor_suffix"))

    def post_intents(self, form):
        amount, currency = int(form["amount"]), form["currency"]
        self.check_amount(amount, currency, "amount")
        if "customer" in form:
            self.get(form["customer"], "customer", "customer")
        method = self.get(form["payment_method"], "PaymentMethod", "payment_method")
        if self.cards[method["id"]][1] != form.get("customer"):
            raise invalid("The provided PaymentMethod was detached from a Customer, or belongs to another.", param="payment_method")
        intent = self.new_intent(amount, currency, form.get("customer"), form)
        self.confirm(intent, method, present=form.get("off_session") != "true")
        if intent["status"] == "requires_payment_method":
            error = intent["last_payment_error"]
            raise Refused(402, "card_error", error["message"], **{k: v for k, v in error.items() if k not in ("type", "message")},
                          payment_intent=json.loads(json.dumps(intent)))
        return intent

    def confirm(self, intent, method, present):
        card = self.cards[method["id"]][0]
        error = refusal_of(card, present)
        if error:
            intent["last_payment_error"] = {"type": "card_error", **error}
            self.book.write("declined", intent=intent["id"], payment=intent["metadata"].get("bursar_payment"), code=error["code"])
            self.event("payment_intent.payment_failed", intent)
            return
        intent["payment_method"] = method["id"]
        if card == "delayed":
            intent["status"] = "processing"
            self.event("payment_intent.processing", intent)
        else:
            self.take(intent)

    def take(self, intent):
        fee = intent["amount"] * 29 // 1000 + 30
        if intent["currency"] in WHOLE_ONLY + THREE_DECIMALS:
            fee -= fee % 100
        charge = self.make("ch", "charge", amount=intent["amount"], currency=intent["currency"], payment_intent=intent["id"], status="succeeded",
                           paid=True, amount_refunded=0, refunded=False, metadata={})
        charge["balance_transaction"] = self.booking(intent["amount"], intent["currency"], fee, "charge", charge["id"])["id"]
        intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"], last_payment_error=None)
        self.book.write("charge", intent=intent["id"], payment=intent["metadata"].get("bursar_payment"), amount=intent["amount"],
                        currency=intent["currency"], fee=fee, suffix=intent["statement_descriptor_suffix"])
        self.event("payment_intent.succeeded", intent)

    def booking(self, amount, currency, fee, kind, source):
        """A balance transaction, in the currency of the payouts; Stripe exchanges what is in another."""
        counted = self.payout or currency
        worth = amount if counted == currency else amount * 9 // 10
        self.book.write("fee", amount=fee, currency=counted, source=source)
        return self.make("txn", "balance_transaction", amount=worth, currency=counted, fee=fee, net=worth - fee, type=kind, source=source,
                         exchange_rate=None if counted == currency else 0.9)

    def control_balance(self):
        """What Stripe holds for the shop: amounts in the currency they were charged in, fees in that of the payouts."""
        signs = {"charge": 1, "refund": -1, "refund_failed": 1, "dispute": -1, "dispute_won": 1, "fee": -1}
        held = {}
        for entry in self.book.entries:
            if entry["what"] in signs:
                held[entry["currency"]] = held.get(entry["currency"], 0) + signs[entry["what"]] * entry["amount"]
        return {currency: minor for currency, minor in held.items() if minor}

    def get_intents(self, form):
        found = [intent for intent in self.of_kind("payment_intent") if form.get("customer") in (None, intent["customer"])]
        return self.listed(found, form, "/v1/payment_intents")

    def search(self, form):
        _, name, _, wanted, _ = form["query"].split('"')
        found = [intent for intent in self.of_kind("payment_intent")
                 if intent["metadata"].get(name) == wanted and intent["created"] <= self.now() - self.search_lag]
        return {"object": "list", "url": "/v1/payment_intents/search", "has_more": False, "data": list(reversed(found))}

    def post_intent_cancel(self, name, form):
        intent = self.get(name, "payment_intent", "intent")
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise invalid("This PaymentIntent can't be canceled.", code="payment_intent_unexpected_state")
        intent["status"] = "canceled"
        self.event("payment_intent.canceled", intent)
        return intent

    # Checkout.

    def post_sessions(self, form):
        self.get(form["customer"], "customer", "customer")
        session = {"mode": form["mode"], "client_reference_id": form.get("client_reference_id"), "customer": form["customer"],
                   "metadata": form.get("metadata", {}), "success_url": form["success_url"], "cancel_url": form["cancel_url"],
                   "status": "open", "payment_status": "unpaid", "payment_intent": None, "setup_intent": None,
                   "expires_at": self.now() + 24 * 3600}
        if form["mode"] == "payment":
            price = form["line_items"][0]["price_data"]
            self.check_amount(int(price["unit_amount"]), price["currency"], "line_items[0][price_data][unit_amount]")
            session.update(amount_total=int(price["unit_amount"]), currency=price["currency"])
        else:
            session["payment_status"] = "no_payment_required"
            session["setup_intent"] = self.make("seti", "setup_intent", status="requires_payment_method", customer=form["customer"],
                                                payment_method=None, usage="off_session",
                                                metadata=form.get("setup_intent_data", {}).get("metadata", {}))["id"]
        session = self.make("cs_test", "checkout.session", **session)
        session["url"] = f"{self.url}/pay/{session['id']}"
        self.objects[session["id"] + "/data"] = {"object": "data", "value": form.get("payment_intent_data", {})}
        self.book.write("page", id=session["id"], mode=session["mode"], reference=session["client_reference_id"])
        return session

    def post_session_expire(self, name, form):
        session = self.get(name, "checkout.session", "session")
        if session["status"] != "open":
            raise invalid("Only Checkout Sessions with a status in [open] can be expired.")
        session.update(status="expired", url=None)
        self.event("checkout.session.expired", session)
        return session

    def control_expire(self, session):
        return self.post_session_expire(session, {})

    def control_pay(self, session, card="visa"):
        """What the customer does on the page: pays with this card. Declined, the page stays open."""
        session = self.objects[session]
        if session["status"] != "open":
            raise ValueError("the page is " + session["status"])
        method = self.new_method(card, session["customer"])
        if session["mode"] == "setup":
            return self.save(session, method)
        data = self.objects[session["id"] + "/data"]["value"]
        if session["payment_intent"] is None:
            session["payment_intent"] = self.new_intent(session["amount_total"], session["currency"], session["customer"], data)["id"]
        intent = self.objects[session["payment_intent"]]
        self.confirm(intent, method, present=True)
        if intent["status"] in ("succeeded", "processing"):
            session.update(status="complete", url=None, payment_status="paid" if intent["status"] == "succeeded" else "unpaid")
            self.event("checkout.session.completed", session)
        return session

    def save(self, session, method):
        setup = self.objects[session["setup_intent"]]
        error = refusal_of(self.cards[method["id"]][0], present=True)
        if error:
            setup["last_setup_error"] = {"type": "card_error", **error}
            self.event("setup_intent.setup_failed", setup)
            return session
        setup.update(status="succeeded", payment_method=method["id"])
        session.update(status="complete", url=None)
        self.book.write("saved", setup=setup["id"], method=method["id"], reference=session["client_reference_id"])
        self.event("setup_intent.succeeded", setup)
        self.event("checkout.session.completed", session)
        return session

    def page(self, request):
        name = request.path.split("/")[2]
        session = self.get(name, "checkout.session", "session")
        if request.method == "POST":
            form = request.form()
            if form.get("act") == "cancel":
                return Answer(303, "", {"Location": session["cancel_url"]})
            if self.control_pay(name, form.get("card", "visa"))["status"] != "open":
                return Answer(303, "", {"Location": session["success_url"]})
        what = f"{session.get('amount_total', '')} {session.get('currency', '')}" if session["mode"] == "payment" else "save a method"
        return Answer(200, f"<!doctype html><title>Checkout</title><h1>{html.escape(what)}</h1><form method=post>"
                           "<input name=card value=visa><button name=act value=pay>Pay</button>"
                           "<button name=act value=cancel>Cancel</button></form>", {"Content-Type": "text/html"})

    # Refunds.

    def post_refunds(self, form):
        intent = self.get(form["payment_intent"], "payment_intent", "payment_intent")
        if intent["status"] != "succeeded":
            raise invalid("This PaymentIntent does not have a successful charge to refund.")
        charge = self.objects[intent["latest_charge"]]
        left = charge["amount"] - charge["amount_refunded"]
        if charge.get("disputed"):
            raise invalid("This charge has been charged back.", code="charge_disputed")
        if left == 0:
            raise invalid("Charge has already been refunded.", code="charge_already_refunded")
        amount = int(form.get("amount", left))
        if amount > left:
            raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
        if intent["currency"] in WHOLE_ONLY and amount % 100:
            raise invalid("Invalid amount", code="invalid_charge_amount_no_decimal_compatible", param="amount")
        delayed = self.cards[intent["payment_method"]][0] == "delayed"
        refund = self.make("re", "refund", amount=amount, currency=intent["currency"], payment_intent=intent["id"], charge=charge["id"],
                           status="pending" if delayed else "succeeded", metadata=form.get("metadata", {}), reason=form.get("reason"))
        charge["amount_refunded"] += amount
        self.book.write("refund", refund=refund["id"], ours=refund["metadata"].get("bursar_refund"), intent=intent["id"], amount=amount,
                        currency=intent["currency"])
        self.event("refund.created", refund)
        return refund

    def get_refunds(self, form):
        found = [refund for refund in self.of_kind("refund") if form.get("payment_intent") in (None, refund["payment_intent"])]
        return self.listed(found, form, "/v1/refunds")

    def control_dashboard_refund(self, intent, amount):
        return self.post_refunds({"payment_intent": intent, "amount": str(amount)})

    def control_fail_refund(self, refund, reason="lost_or_stolen_card"):
        refund = self.objects[refund]
        refund.update(status="failed", failure_reason=reason)
        self.objects[refund["charge"]]["amount_refunded"] -= refund["amount"]
        self.book.write("refund_failed", refund=refund["id"], ours=refund["metadata"].get("bursar_refund"), amount=refund["amount"],
                        currency=refund["currency"])
        self.event("refund.failed", refund)

    # Disputes.

    def control_dispute(self, intent, reason="fraudulent", inquiry=False, fee=1500, withdrawn=True):
        """`withdrawn` false: the money is taken later, by /withdraw."""
        charge = self.objects[self.objects[intent]["latest_charge"]]
        charge["disputed"] = True
        dispute = self.make("dp", "dispute", amount=charge["amount"], currency=charge["currency"], charge=charge["id"], payment_intent=intent,
                            reason=reason, status="warning_needs_response" if inquiry else "needs_response", balance_transactions=[],
                            evidence_details={"due_by": self.now() + 7 * 86400, "has_evidence": False}, metadata={})
        if not inquiry and withdrawn:
            self.move(dispute, -1, fee)
        self.event("charge.dispute.created", dispute)
        if not inquiry and withdrawn:
            self.event("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def control_withdraw(self, dispute, fee=1500):
        dispute = self.objects[dispute]
        self.move(dispute, -1, fee)
        self.event("charge.dispute.funds_withdrawn", dispute)

    def move(self, dispute, sign, fee):
        dispute["balance_transactions"].append(self.booking(sign * dispute["amount"], dispute["currency"], fee, "adjustment", dispute["id"]))
        self.book.write("dispute_won" if sign > 0 else "dispute", dispute=dispute["id"], amount=dispute["amount"], currency=dispute["currency"])

    def control_give_fee_back(self, dispute, fee):
        dispute = self.objects[dispute]
        dispute["balance_transactions"].append(self.booking(0, dispute["currency"], -fee, "adjustment", dispute["id"]))
        self.event("charge.dispute.funds_reinstated", dispute)

    def control_close_dispute(self, dispute, won, fee=-1500):
        """`fee` is what is kept or given back with the end."""
        dispute = self.objects[dispute]
        inquiry = dispute["status"].startswith("warning_")
        dispute["status"] = "warning_closed" if inquiry else "won" if won else "lost"
        self.event("charge.dispute.closed", dispute)
        if won and not inquiry:
            self.move(dispute, 1, fee)
            self.event("charge.dispute.funds_reinstated", dispute)
        return dispute

    # What happens at Stripe by itself.

    def control_settle(self, intent, succeeds=True):
        intent = self.objects[intent]
        if intent["status"] != "processing":
            raise ValueError("the intent is " + intent["status"])
        if succeeds:
            self.take(intent)
            return
        intent.update(status="requires_payment_method", last_payment_error={"type": "card_error", "code": "account_closed", "message": "closed"})
        self.event("payment_intent.payment_failed", intent)

    def control_method(self, card="visa", customer=None):
        """A saved method, as if the customer had been here before."""
        customer = customer or self.make("cus", "customer", metadata={})["id"]
        return {"customer": customer, "method": self.new_method(card, customer)["id"]}

    def control_renew(self, method, year):
        """The bank gave the customer a new card, and told Stripe."""
        before = self.objects[method]["card"]["exp_year"]
        self.objects[method]["card"]["exp_year"] = year
        sent = {**self.objects[method], "customer": self.cards[method][1]}
        self.event("payment_method.automatically_updated", sent, {"card": {"exp_year": before}})

    def control_forget_customer(self, customer):
        self.objects[customer]["deleted"] = True

    def control_configure(self, **values):
        for name, value in values.items():
            if name not in ("search_lag", "page_size", "livemode", "payout", "secret", "old_secret"):
                raise ValueError(f"{name} can't be configured")
            setattr(self, name, value)

    def control_event(self, type, item):
        """Any event, of whatever else happens on the account."""
        self.event(type, item)

    def control_raw_event(self, event):
        """An event as it is: of a connected account, or of another version."""
        self.emit(event["id"], event["type"], json.dumps(event))

    def control_state(self, id):
        return self.objects[id]


def name_of_parameter(kind):
    return {"payment_intents": "intent", "refunds": "id", "checkout/sessions": "session"}.get(kind, kind.rstrip("s"))


if __name__ == "__main__":
    main(StripeDouble)
