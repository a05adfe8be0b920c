"""What the double of PayPal knows: orders, captures, refunds and saved accounts. Money that moves goes into the book."""
import random
import string
from decimal import Decimal

WHOLE = ("HUF", "JPY", "TWD")
ALPHABET = string.digits + string.ascii_uppercase


class Refused(Exception):
    """PayPal's explicit no."""

    def __init__(self, status, name, issue, description="", links=None):
        super().__init__(issue)
        self.status = status
        self.body = {"name": name, "message": "The requested action could not be performed.", "debug_id": "".join(random.choices("0123456789abcdef", k=13)),
                     "details": [{"issue": issue, "description": description or issue.replace("_", " ").capitalize() + "."}]}
        if links:
            self.body["links"] = links


def unprocessable(issue, **more):
    return Refused(422, "UNPROCESSABLE_ENTITY", issue, **more)


def absent():
    return Refused(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID", "Specified resource ID does not exist.")


def money(value, currency):
    return {"currency_code": currency, "value": value}


def checked(amount):
    """The amount as a Decimal, refused as PayPal refuses it."""
    value = Decimal(amount["value"])
    if value <= 0:
        raise unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE")
    places = -value.as_tuple().exponent
    if amount["currency_code"] in WHOLE and places > 0:
        raise unprocessable("DECIMALS_NOT_SUPPORTED")
    if places > 2:
        raise unprocessable("DECIMAL_PRECISION")
    return value


def written(value, currency):
    return str(value.quantize(Decimal(1))) if currency in WHOLE else f"{value:.2f}"


def without_own(value):
    """Without the members that the double keeps for itself."""
    if isinstance(value, dict):
        return {k: without_own(v) for k, v in value.items() if not k.startswith("_")}
    return [without_own(v) for v in value] if isinstance(value, list) else value


class Ledger:
    def __init__(self, base, book):
        self.base = base
        self.book = book
        self.orders, self.captures, self.refunds, self.tokens, self.setups = {}, {}, {}, {}, {}
        self.disputes = {}
        self.next_captures = []  # scripted outcomes of the captures to come
        self.block_invoices = True
        self.vault_at_once = True

    @staticmethod
    def new_id():
        return "".join(random.choices(ALPHABET, k=17))

    def enter(self, kind, resource, **more):
        amount = resource["amount"]
        self.book.write(kind, id=resource["id"], value=amount["value"], currency=amount["currency_code"],
                        custom_id=resource.get("custom_id", ""), **more)

    def enter_capture(self, capture):
        self.enter("capture", capture, order=capture["_order"], fee=capture["seller_receivable_breakdown"]["paypal_fee"]["value"])

    # ---- orders ----
    def make_order(self, body):
        unit = body["purchase_units"][0]
        checked(unit["amount"])
        wallet = body.get("payment_source", {}).get("paypal", {})
        order = {"id": self.new_id(), "intent": body["intent"], "status": "CREATED", "create_time": "2026-01-01T00:00:00Z",
                 "purchase_units": [{"reference_id": "default", **unit}], "links": []}
        context = wallet.get("experience_context") or body.get("application_context") or {}
        order["_return"], order["_cancel"] = context.get("return_url", ""), context.get("cancel_url", "")
        order["_save"] = wallet.get("attributes", {}).get("vault")
        if "experience_context" in wallet:
            order["status"] = "PAYER_ACTION_REQUIRED"
            order["payment_source"] = {"paypal": {}}
        self.orders[order["id"]] = order
        return order

    def links(self, order):
        me = f"{self.base}/v2/checkout/orders/{order['id']}"
        links = [{"href": me, "rel": "self", "method": "GET"}]
        if order["status"] in ("CREATED", "PAYER_ACTION_REQUIRED"):
            rel = "payer-action" if order["status"] == "PAYER_ACTION_REQUIRED" else "approve"
            links.append({"href": f"{self.base}/checkoutnow?token={order['id']}", "rel": rel, "method": "GET"})
        if order["status"] in ("CREATED", "APPROVED"):
            links.append({"href": me + "/capture", "rel": "capture", "method": "POST"})
        return links

    def shown(self, order):
        return {**without_own(order), "links": self.links(order)}

    def order(self, order_id):
        if order_id not in self.orders:
            raise absent()
        return self.orders[order_id]

    def approve(self, order_id, email="buyer@example.com"):
        order = self.order(order_id)
        order["status"] = "APPROVED"
        order["payment_source"] = {"paypal": {"email_address": email, "account_id": "QYR5Z8XDVJNXQ", "account_status": "VERIFIED"}}
        return order

    # ---- captures ----
    def capture(self, order_id, body):
        order = self.order(order_id)
        wallet = (body or {}).get("payment_source", {}).get("paypal", {})
        if order["status"] == "COMPLETED":
            raise unprocessable("ORDER_ALREADY_CAPTURED")
        vault_id = wallet.get("vault_id")
        if order["status"] != "APPROVED" and vault_id is None:
            raise unprocessable("ORDER_NOT_APPROVED")
        if vault_id is not None and vault_id not in self.tokens:
            raise unprocessable("TOKEN_ID_NOT_FOUND")
        unit = order["purchase_units"][0]
        invoice = unit.get("invoice_id")
        if self.block_invoices and invoice and any(c.get("invoice_id") == invoice for c in self.captures.values()):
            raise unprocessable("DUPLICATE_INVOICE_ID")
        script = self.next_captures.pop(0) if self.next_captures else {}
        if "issue" in script:
            self._refuse(order, script["issue"], vault_id is None)
        if vault_id is not None:
            order["payment_source"] = {"paypal": {"email_address": self.tokens[vault_id]["email"]}}
        capture = self._new_capture(order, unit, script)
        unit.setdefault("payments", {}).setdefault("captures", []).append(capture)
        order["status"] = "COMPLETED"
        self.captures[capture["id"]] = capture
        if capture["status"] == "COMPLETED":
            self.enter_capture(capture)
            self._save(order)
        return order

    def _refuse(self, order, issue, present):
        if issue in ("INSTRUMENT_DECLINED", "PAYER_ACTION_REQUIRED") and (present or issue == "PAYER_ACTION_REQUIRED"):
            order["status"] = "PAYER_ACTION_REQUIRED"
        links = [{"href": f"{self.base}/checkoutnow?token={order['id']}", "rel": "payer-action", "method": "GET"}]
        raise unprocessable(issue, links=links if issue == "PAYER_ACTION_REQUIRED" else None)

    def _new_capture(self, order, unit, script):
        amount = dict(unit["amount"])
        if "value" in script:
            amount["value"] = script["value"]
        value, currency = checked(amount), amount["currency_code"]
        fee = min(value, (value * Decimal("0.0349") + Decimal("0.49")).quantize(Decimal(1) if currency in WHOLE else Decimal("0.01")))
        capture = {"id": self.new_id(), "status": script.get("status", "COMPLETED"), "amount": amount, "final_capture": True,
                   "custom_id": unit.get("custom_id", ""), "invoice_id": unit.get("invoice_id", ""),
                   "create_time": "2026-01-01T00:00:00Z", "update_time": "2026-01-01T00:00:00Z", "_order": order["id"]}
        if "reason" in script:
            capture["status_details"] = {"reason": script["reason"]}
        if "response_code" in script:
            capture["processor_response"] = {"response_code": script["response_code"]}
        if capture["status"] in ("COMPLETED", "PENDING"):
            capture["seller_receivable_breakdown"] = {"gross_amount": amount, "paypal_fee": money(written(fee, currency), currency),
                                                      "net_amount": money(written(value - fee, currency), currency)}
        return capture

    def _save(self, order):
        if not order["_save"] or order["_save"].get("store_in_vault") != "ON_SUCCESS":
            return
        wallet = order["payment_source"]["paypal"]
        order["_token"] = self.new_token(wallet["email_address"])
        vault = {"status": "VAULTED", "id": order["_token"], "customer": {"id": "customer_1"}} if self.vault_at_once else {"status": "APPROVED"}
        wallet["attributes"] = {"vault": vault}

    def shown_capture(self, capture):
        me = f"{self.base}/v2/payments/captures/{capture['id']}"
        return {**without_own(capture), "links": [
            {"href": me, "rel": "self", "method": "GET"}, {"href": me + "/refund", "rel": "refund", "method": "POST"},
            {"href": f"{self.base}/v2/checkout/orders/{capture['_order']}", "rel": "up", "method": "GET"}]}

    def settle(self, capture_id, status):
        """Ends a pending capture."""
        capture = self.captures[capture_id]
        assert capture["status"] == "PENDING"
        capture["status"] = status
        capture.pop("status_details", None)
        if status == "COMPLETED":
            self.enter_capture(capture)
        return capture

    # ---- refunds ----
    def refund(self, capture_id, body, script):
        if capture_id not in self.captures:
            raise absent()
        capture = self.captures[capture_id]
        if capture["status"] not in ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"):
            raise unprocessable("PENDING_CAPTURE")
        whole = Decimal(capture["amount"]["value"])
        left = whole - sum(Decimal(r["amount"]["value"]) for r in self.refunds.values()
                           if r["_capture"] == capture_id and r["status"] in ("COMPLETED", "PENDING"))
        amount = body.get("amount") or money(written(left, capture["amount"]["currency_code"]), capture["amount"]["currency_code"])
        if amount["currency_code"] != capture["amount"]["currency_code"]:
            raise unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH")
        if left <= 0:
            raise unprocessable("CAPTURE_FULLY_REFUNDED")
        if checked(amount) > left:
            raise unprocessable("REFUND_AMOUNT_EXCEEDED")
        if "issue" in script:
            raise unprocessable(script["issue"])
        refund = {"id": self.new_id(), "status": script.get("status", "COMPLETED"), "amount": amount, "_capture": capture_id,
                  **{k: body[k] for k in ("custom_id", "invoice_id", "note_to_payer") if k in body}}
        refund.setdefault("custom_id", capture["custom_id"])
        self.refunds[refund["id"]] = refund
        self.orders[capture["_order"]]["purchase_units"][0]["payments"].setdefault("refunds", []).append(refund)
        if refund["status"] in ("COMPLETED", "PENDING"):
            capture["status"] = "REFUNDED" if checked(amount) == left else "PARTIALLY_REFUNDED"
            self.enter("refund", refund, capture=capture_id)
        return refund

    def shown_refund(self, refund):
        return {**without_own(refund), "links": [
            {"href": f"{self.base}/v2/payments/refunds/{refund['id']}", "rel": "self", "method": "GET"},
            {"href": f"{self.base}/v2/payments/captures/{refund['_capture']}", "rel": "up", "method": "GET"}]}

    # ---- the vault ----
    def new_token(self, email):
        token = "".join(random.choices(string.digits + string.ascii_lowercase, k=8))
        self.tokens[token] = {"id": token, "email": email}
        return token

    def shown_token(self, token):
        return {"id": token["id"], "customer": {"id": "customer_1"}, "payment_source": {"paypal": {"email_address": token["email"]}}}

    def make_setup(self, body):
        wallet = body["payment_source"]["paypal"]
        setup = {"id": "".join(random.choices(ALPHABET, k=17)), "status": "PAYER_ACTION_REQUIRED", "customer": {"id": "customer_1"},
                 "payment_source": {"paypal": {"usage_type": wallet.get("usage_type", "MERCHANT")}},
                 "_return": wallet.get("experience_context", {}).get("return_url", "")}
        self.setups[setup["id"]] = setup
        return setup

    def shown_setup(self, setup):
        links = [{"href": f"{self.base}/v3/vault/setup-tokens/{setup['id']}", "rel": "self", "method": "GET"}]
        if setup["status"] == "PAYER_ACTION_REQUIRED":
            links.append({"href": f"{self.base}/agreements/approve?approval_session_id={setup['id']}", "rel": "approve", "method": "GET"})
        return {**without_own(setup), "links": links}

    def token_of_setup(self, setup_id):
        setup = self.setups.get(setup_id)
        if setup is None:
            raise absent()
        if setup["status"] != "APPROVED":
            raise unprocessable("INVALID_SETUP_TOKEN")
        setup["status"] = "VAULTED"
        return self.tokens[self.new_token("buyer@example.com")]
