"""The acts of stories. Each is one function with the pattern of its sentence; a new act is a new function."""
import re

from . import views
from .provider import Money, Provider

_VERBS: list[tuple[re.Pattern, object]] = []
_KINDS = {
    "who": r"\w+",
    "code": r"[A-Za-z0-9_-]+",
    "amount": r"\d+(?:\.\d+)? [A-Z]{3}",
    "number": r"\d+",
    "text": r".+",
    "key": r"[a-z_.]+",
}


class UnknownAct(Exception):
    """No verb, or more than one, fits a sentence."""


def verb(sentence: str):
    """Registers an act. "{who} pays {amount} on invoice {number}": each {kind} is a pattern of _KINDS; two of a kind are
    told apart as {who} and {who:other}. The function takes the provider and the values by name."""
    def pattern(match: re.Match) -> str:
        kind, _, name = match.group(1).partition(":")
        return f"(?P<{name or kind}>{_KINDS[kind]})"

    def register(function):
        _VERBS.append((re.compile(re.sub(r"\{([a-z:_]+)\}", pattern, sentence)), function))
        return function
    return register


def act(provider: Provider, text: str) -> None:
    fitting = [(function, match) for pattern, function in _VERBS if (match := pattern.fullmatch(text))]
    if len(fitting) != 1:
        known = "\n  ".join(sorted(pattern.pattern for pattern, _ in _VERBS))
        raise UnknownAct(f"{len(fitting)} acts fit \"{text}\"; there are\n  {known}")
    function, match = fitting[0]
    function(provider, **{name: value for name, value in match.groupdict().items() if value is not None})


# -- what the provider decides ----------------------------------------------------------------------------------------

@verb(r"set {key}: {text}")
def set_key(provider: Provider, key: str, text: str) -> None:
    provider.set(key, text)


@verb(r"tax {text}")
def tax(provider: Provider, text: str) -> None:
    provider.add_tax(text)


@verb(r"watch {text}")
def watch(provider: Provider, text: str) -> None:
    wanted = [name.strip() for name in text.split(",")]
    if unknown := [name for name in wanted if name not in views.names()]:
        raise ValueError(f"watch {unknown}: there are {views.names()}")
    provider.watched += wanted


@verb(r"product {code}: {text}")
def product(provider: Provider, code: str, text: str) -> None:
    """"10.00 EUR monthly, 100.00 EUR annually, set-up 5.00 EUR, by servers, tax class books": a set-up fee belongs to the price before it."""
    body: dict = {"code": code, "name": code, "prices": []}
    for part in (part.strip() for part in text.split(",")):
        if match := re.fullmatch(r"set-up (\S+ [A-Z]{3})", part):
            body["prices"][-1]["setup_fee"] = Money(match.group(1)).json()
        elif match := re.fullmatch(r"by (\w+)", part):
            body["panel"] = match.group(1)
        elif match := re.fullmatch(r"tax class (\w+)", part):
            body["tax_class"] = match.group(1)
        elif match := re.fullmatch(r"(\S+ [A-Z]{3}) (\w+)", part):
            body["prices"].append({"cycle": match.group(2), "amount": Money(match.group(1)).json()})
        else:
            raise ValueError(f"product {code}: \"{part}\" is neither a price, a set-up fee, a panel nor a tax class")
    provider.products[code] = provider.call("POST", "/catalog/products", body)["id"]


@verb(r"promotion {code}: {text}")
def promotion(provider: Provider, code: str, text: str) -> None:
    """"50 % for 2 periods, at most 1 use, only vps-s, until 2027-03-31"; "for ever" lowers every period."""
    body: dict = {"code": code}
    for part in (part.strip() for part in text.split(",")):
        if match := re.fullmatch(r"(\S+) (%|[A-Z]{3}) for (?:(\d+) periods?|ever)", part):
            body |= {"percent": match.group(1)} if match.group(2) == "%" else {"amount": Money(f"{match.group(1)} {match.group(2)}").json()}
            body["periods"] = int(match.group(3) or 0)
        elif match := re.fullmatch(r"at most (\d+) uses?", part):
            body["max_uses"] = int(match.group(1))
        elif match := re.fullmatch(r"only (\S+)", part):
            body["product_id"] = provider.products[match.group(1)]
        elif match := re.fullmatch(r"until (\S+)", part):
            body["valid_until"] = match.group(1)
        else:
            raise ValueError(f"promotion {code}: cannot read \"{part}\"")
    provider.call("POST", "/promotions", body)


# -- customers --------------------------------------------------------------------------------------------------------

@verb(r"customer {who}: {text}")
def customer(provider: Provider, who: str, text: str) -> None:
    """"DE, EUR" or "US-CA, USD, tax id DE123456789": where they live, what they pay in."""
    place, currency, *further = [part.strip() for part in text.split(",")]
    country, _, region = place.partition("-")
    body = {"name": who.capitalize(), "email": f"{who}@example.com", "password": f"the password of {who}", "currency": currency,
            "address": {"street": "1 Side Street", "city": "Town", "postal_code": "10115", "region": region, "country": country}}
    for part in further:
        body["tax_id"] = part.removeprefix("tax id ")
    made = provider.call("POST", "/registrations", body)
    provider.customers[who] = {"id": made["account_id"], "email": body["email"], "currency": currency}
    provider.passwords[body["email"]] = body["password"]
    provider.log_in(body["email"])


@verb(r"{who} moves to {text}")
def moves(provider: Provider, who: str, text: str) -> None:
    country, _, region = text.partition("-")
    provider.call("PATCH", f"/accounts/{provider.customers[who]['id']}", {"address": {"country": country, "region": region}}, who)


@verb(r"{who} orders {text}")
def orders(provider: Provider, who: str, text: str) -> None:
    """"vps-s", "vps-s annually, backup", "2 vps-s with WELCOME"."""
    text, _, code = text.partition(" with ")
    items = []
    for part in (part.strip() for part in text.split(",")):
        match = re.fullmatch(r"(?:(\d+) )?(\S+)(?: (\w+))?", part)
        items.append({"product_id": provider.products[match.group(2)], "cycle": match.group(3) or "monthly",
                      "quantity": int(match.group(1) or 1)})
    body = {"items": items} | ({"promotion_code": code} if code else {})
    provider.call("POST", f"/accounts/{provider.customers[who]['id']}/orders", body, who)


@verb(r"{who} changes {code:old} to {code}(?: (?P<cycle>monthly|quarterly|annually))?(?P<timing> at once| at the end of the period)?")
def changes(provider: Provider, who: str, old: str, code: str, cycle: str = "", timing: str = "") -> None:
    """What the quote told is what the change costs, or gives."""
    service = provider.service_id(f"{old} of {who}")
    wanted = {"product_id": provider.products[code]} | ({"cycle": cycle} if cycle else {})
    if timing:
        wanted["when"] = "immediate" if timing == " at once" else "end_of_period"
    quote = provider.call("POST", f"/accounts/{provider.customers[who]['id']}/quotes", {"change": {"service_id": service} | wanted}, who)
    change = provider.call("POST", f"/services/{service}/change", wanted, who)
    assert (quote["when"], quote["effective_on"]) == (change["when"], change["effective_on"]), f"quoted {quote}, done {change}"
    due = provider.call("GET", "/invoices/" + change["invoice_id"])["total"]["amount"] if change["invoice_id"] else change["credit"]["amount"]
    assert due == quote["now"]["total"]["amount"].lstrip("-"), f"quoted {quote['now']}, came to {due}"


@verb(r"{who} leaves {code} as it is")
def withdraws_change(provider: Provider, who: str, code: str) -> None:
    provider.call("DELETE", f"/services/{provider.service_id(f'{code} of {who}')}/change", None, who)


@verb(r"{who} cancels {text} (?P<when>at once|at the end of the period)")
def cancels(provider: Provider, who: str, text: str, when: str) -> None:
    service = provider.service_id(f"{text} of {who}")
    provider.call("PUT", f"/services/{service}/cancellation", {"when": "immediate" if when == "at once" else "end_of_period"}, who)


@verb(r"{who} keeps {text} after all")
def keeps(provider: Provider, who: str, text: str) -> None:
    provider.call("DELETE", f"/services/{provider.service_id(f'{text} of {who}')}/cancellation", who=who)


# -- money ------------------------------------------------------------------------------------------------------------

@verb(r"{who} announces a transfer for invoice {number}")
def announces(provider: Provider, who: str, number: str) -> None:
    """The customer chooses to pay by bank transfer; nothing has arrived yet."""
    payment = provider.call("POST", f"/invoices/{provider.id_of('invoice', number)}/payments", {"gateway": "bank"}, who)
    provider.number("payment", payment["id"])


@verb(r"the bank shows {amount} for payment {number}")
def bank_shows(provider: Provider, amount: str, number: str) -> None:
    """Staff confirm what arrived for an announced transfer."""
    provider.call("PATCH", f"/payments/{provider.id_of('payment', number)}", {"status": "succeeded", "received": Money(amount).json()})


@verb(r"staff say payment {number} never came")
def never_came(provider: Provider, number: str) -> None:
    provider.call("PATCH", f"/payments/{provider.id_of('payment', number)}", {"status": "failed"})


@verb(r"{who} pays {amount} on invoice {number}")
def pays(provider: Provider, who: str, amount: str, number: str) -> None:
    """By bank transfer: announced by the customer, confirmed by staff in the same hour."""
    payment = provider.call("POST", f"/invoices/{provider.id_of('invoice', number)}/payments", {"gateway": "bank"}, who)
    provider.number("payment", payment["id"])
    provider.call("PATCH", "/payments/" + payment["id"], {"status": "succeeded", "received": Money(amount).json()})


@verb(r"{who} adds {amount} of credit")
def adds_credit(provider: Provider, who: str, amount: str) -> None:
    payment = provider.call("POST", f"/accounts/{provider.customers[who]['id']}/deposits",
                            {"amount": Money(amount).json(), "gateway": "bank"}, who)
    provider.number("payment", payment["id"])
    provider.call("PATCH", "/payments/" + payment["id"], {"status": "succeeded", "received": Money(amount).json()})


@verb(r"{who} uses (?:{amount} of )?credit on invoice {number}")
def uses_credit(provider: Provider, who: str, number: str, amount: str = "") -> None:
    body = {"amount": Money(amount).json()} if amount else {}
    provider.call("POST", f"/invoices/{provider.id_of('invoice', number)}/credit", body, who)


# -- cards ------------------------------------------------------------------------------------------------------------
# The gateway "cards" is the sandbox: what it answers follows from the saved card or from the amount, see its README.

def _paid(provider: Provider, who: str, path: str, body: dict) -> None:
    payment = provider.call("POST", path, body, who)
    for made in payment.get("payments", [payment]):  # a mass payment tells its attempts
        provider.number("payment", made["id"])


_MEANS = r"(?P<means>by card|by transfer|at \w+|with the card \S+)"


def _means(provider: Provider, who: str, means: str) -> dict:
    """"by card", "by transfer", "at wallet" for another gateway, or "with the card tok_success" for one that is saved."""
    if means.startswith("with the card "):
        return {"payment_method": _saved(provider, who, means.removeprefix("with the card ")).rsplit("/", 1)[1]}
    return {"gateway": {"by card": "cards", "by transfer": "bank"}.get(means, means.removeprefix("at "))}


@verb(r"{who} pays (?:{amount} of )?invoice {number} " + _MEANS + r"(?P<further> and credit| and keeps the card)?")
def pays_by_card(provider: Provider, who: str, number: str, means: str, amount: str = "", further: str = "") -> None:
    """Of "and credit", account credit pays what it can at once, the card the rest."""
    body = _means(provider, who, means) | ({"amount": Money(amount).json()} if amount else {})
    body |= {"": {}, " and credit": {"use_credit": True}, " and keeps the card": {"save_method": True}}[further]
    _paid(provider, who, f"/invoices/{provider.id_of('invoice', number)}/payments", body)


def _pay_together(provider: Provider, who: str, body: dict, means: str) -> None:
    made = provider.call("POST", f"/accounts/{provider.customers[who]['id']}/mass-payments", body | _means(provider, who, means), who)
    provider.number("mass payment", made["id"])
    for payment in made["payments"]:
        provider.number("payment", payment["id"])


@verb(r"{who} pays invoices (?P<numbers>\d+(?:, \d+)* and \d+) " + _MEANS)
def pays_together(provider: Provider, who: str, numbers: str, means: str) -> None:
    _pay_together(provider, who, {"invoice_ids": [provider.id_of("invoice", number) for number in re.findall(r"\d+", numbers)]}, means)


@verb(r"{who} pays (?P<parts>(?:all|{amount}) of invoice \d+(?:(?:, | and )(?:all|\d+\S* [A-Z]{3}) of invoice \d+)+) "
      + _MEANS)
def pays_parts_together(provider: Provider, who: str, parts: str, means: str, amount: str = "") -> None:
    """"7.50 EUR of invoice 2 and all of invoice 1"."""
    invoices, amounts = [], []
    for part, number in re.findall(r"(all|\d+\S* [A-Z]{3}) of invoice (\d+)", parts):
        invoices.append(provider.id_of("invoice", number))
        amounts.append(provider.call("GET", "/invoices/" + invoices[-1])["balance"] if part == "all" else Money(part).json())
    _pay_together(provider, who, {"invoice_ids": invoices, "amounts": amounts}, means)


@verb(r"{who} pays everything " + _MEANS)
def pays_everything(provider: Provider, who: str, means: str) -> None:
    _pay_together(provider, who, {}, means)


@verb(r"{who} gives mass payment {number} up")
def gives_mass_payment_up(provider: Provider, who: str, number: str) -> None:
    provider.call("DELETE", "/mass-payments/" + provider.id_of("mass payment", number), who=who)


@verb(r"{who} tries mass payment {number} again " + _MEANS)
def pays_together_again(provider: Provider, who: str, number: str, means: str) -> None:
    _paid(provider, who, f"/mass-payments/{provider.id_of('mass payment', number)}/payments", _means(provider, who, means))


@verb(r"{who} adds {amount} of credit by card")
def adds_credit_by_card(provider: Provider, who: str, amount: str) -> None:
    _paid(provider, who, f"/accounts/{provider.customers[who]['id']}/deposits", {"amount": Money(amount).json(), "gateway": "cards"})


@verb(r"(?P<minutes>\d+) minutes pass")
def minutes_pass(provider: Provider, minutes: str) -> None:
    provider.wait(int(minutes))


# -- what the card gateway tells by itself ----------------------------------------------------------------------------

@verb(r"the gateway tells that payment {number} brought {amount}")
def tells_of_money(provider: Provider, number: str, amount: str) -> None:
    payment = provider.id_of("payment", number)
    provider.tell({"type": "payment.succeeded", "payment": payment, "reference": f"sandbox-{payment}", "amount": provider.minor(amount)})


@verb(r"the gateway tells that payment {number} was given up")
def tells_of_abandonment(provider: Provider, number: str) -> None:
    provider.tell({"type": "payment.declined", "payment": provider.id_of("payment", number)})


@verb(r"the gateway tells of {amount} of nobody")
def tells_of_stray_money(provider: Provider, amount: str) -> None:
    provider.tell({"type": "payment.succeeded", "reference": provider.fresh("stray"), "amount": provider.minor(amount)})


@verb(r"the gateway tells of a refund of {amount} of payment {number} that was made there")
def tells_of_refund(provider: Provider, amount: str, number: str) -> None:
    provider.tell({"type": "refund.succeeded", "payment": provider.id_of("payment", number), "reference": provider.fresh("refund"),
                   "amount": provider.minor(amount)})


@verb(r"the gateway tells again what it told last")
def tells_again(provider: Provider) -> None:
    provider.tell_again()


@verb(r"the customer's bank disputes (?:{amount} of )?payment {number}(?: with a fee of {amount:fee})?")
def disputes(provider: Provider, number: str, amount: str = "", fee: str = "") -> None:
    payment = provider.id_of("payment", number)
    received = provider.call("GET", "/payments/" + payment)["received"]
    provider.tell({"type": "dispute.opened", "dispute": f"dispute-of-{number}", "payment": payment, "reason": "fraudulent",
                   "amount": provider.minor(amount or f"{received['amount']} {received['currency']}"),
                   **({"fee": provider.minor(fee)} if fee else {})})


@verb(r"the dispute of payment {number} is (?P<end>won|lost)")
def dispute_ends(provider: Provider, number: str, end: str) -> None:
    provider.tell({"type": f"dispute.{end}", "dispute": f"dispute-of-{number}", "payment": provider.id_of("payment", number)})


@verb(r"the gateway tells what became of payment {number}")
def tells_what_became(provider: Provider, number: str) -> None:
    provider.tell({"type": "payment.updated", "payment": provider.id_of("payment", number)})


@verb(r"staff send the gateway (?P<evidence>winning_evidence|losing_evidence) for payment {number}")
def sends_evidence(provider: Provider, number: str, evidence: str) -> None:
    provider.tell({"type": "dispute.evidence", "payment": provider.id_of("payment", number), "evidence": evidence})


# -- money back, and money of nobody ----------------------------------------------------------------------------------

_SERVICE = {"": {}, " and keep the service": {"service": "keep"}, " and cancel the service": {"service": "cancel"},
            " and end the service at once": {"service": "terminate_now"}}
_SERVICE_WISH = r"(?P<wish> and keep the service| and cancel the service| and end the service at once)?"


def _part(provider: Provider, number: str, amount: str, code: str) -> dict:
    """"4.00 EUR of payment 1", "mail of payment 1" (the lines that the payment paid of it), or all of it."""
    if amount:
        return {"amount": Money(amount).json()}
    if not code:
        return {}
    paid = provider.call("GET", "/payments/" + provider.id_of("payment", number))["allocations"]
    lines = [line for to in paid for line in provider.call("GET", "/invoices/" + to["invoice_id"])["lines"] if line["service_id"]]
    product_of = {line["service_id"]: provider.call("GET", "/services/" + line["service_id"])["product_id"] for line in lines}
    named = [line["id"] for line in lines if product_of[line["service_id"]] == provider.products[code] and line["kind"] != "discount"]
    assert named, f"payment {number} paid no line of {code}"
    return {"line_ids": named}


@verb(r"staff refund (?:(?:{amount}|{code}) of )?payment {number}"
      r"(?: (?P<to>to credit|by hand)(?: from (?P<gateway>\S+))?(?: as (?P<reference>\S+))?)?" + _SERVICE_WISH)
def refunds(provider: Provider, number: str, amount: str = "", code: str = "", to: str = "", gateway: str = "", reference: str = "",
            wish: str = "") -> None:
    body = {"reason": "by the story"} | _part(provider, number, amount, code) | ({"reference": reference} if reference else {})
    body |= {"gateway": gateway} if gateway else {}
    body |= {"destination": {"to credit": "credit", "by hand": "external"}[to]} if to else {}
    provider.call("POST", f"/payments/{provider.id_of('payment', number)}/refunds", body | _SERVICE[wish])
    provider.wait(1)  # for the gateway's answer


@verb(r"{who} asks for a refund of (?:(?:{amount}|{code}) of )?payment {number}: {text}")
def asks_for_refund(provider: Provider, who: str, number: str, text: str, amount: str = "", code: str = "") -> None:
    body = {"reason": text} | _part(provider, number, amount, code)
    made = provider.call("POST", f"/payments/{provider.id_of('payment', number)}/refund-requests", body, who)
    provider.number("refund request", made["id"])
    provider.wait(1)  # for the gateway's answer to what the rules approved


@verb(r"{who} withdraws refund request {number}")
def withdraws_request(provider: Provider, who: str, number: str) -> None:
    provider.call("DELETE", "/refund-requests/" + provider.id_of("refund request", number), who=who)


@verb(r"staff approve refund request {number}(?: with {amount})?(?P<to> to credit)?" + _SERVICE_WISH + r"(?: although {text})?")
def approves(provider: Provider, number: str, amount: str = "", to: str = "", wish: str = "", text: str = "") -> None:
    body = {"decision": "approve"} | ({"amount": Money(amount).json()} if amount else {}) | ({"destination": "credit"} if to else {})
    body |= _SERVICE[wish] | ({"override_reason": text} if text else {})
    provider.call("PUT", f"/refund-requests/{provider.id_of('refund request', number)}/decision", body)
    provider.wait(1)  # for the gateway's answer


@verb(r"staff decline refund request {number}: {text}")
def declines(provider: Provider, number: str, text: str) -> None:
    provider.call("PUT", f"/refund-requests/{provider.id_of('refund request', number)}/decision", {"decision": "decline", "reason": text})


@verb(r"staff assign suspense item {number} to (?:invoice (?P<invoice>\d+) of )?{who}")
def assigns(provider: Provider, number: str, who: str, invoice: str = "") -> None:
    body = {"account_id": provider.customers[who]["id"]} | ({"invoice_id": provider.id_of("invoice", invoice)} if invoice else {})
    provider.call("POST", f"/suspense-items/{provider.id_of('suspense item', number)}/assignment", body)


@verb(r"staff send suspense item {number} back")
def sends_back(provider: Provider, number: str) -> None:
    provider.call("POST", f"/suspense-items/{provider.id_of('suspense item', number)}/return", {"reason": "by the story"})


# -- staff ------------------------------------------------------------------------------------------------------------

@verb(r"staff bill {who} {amount} for {text}, due (?P<due>\S+)")
def bill(provider: Provider, who: str, amount: str, text: str, due: str) -> None:
    line = {"description": text, "unit_price": Money(amount).json()}
    provider.call("POST", "/invoices", {"account_id": provider.customers[who]["id"], "due_on": due, "lines": [line]})


@verb(r"staff void invoice {number}")
def void(provider: Provider, number: str) -> None:
    provider.call("PATCH", f"/invoices/{provider.id_of('invoice', number)}", {"status": "void", "reason": "by the story"})


@verb(r"staff write off invoice {number}")
def write_off(provider: Provider, number: str) -> None:
    provider.call("PATCH", f"/invoices/{provider.id_of('invoice', number)}", {"status": "uncollectible", "reason": "by the story"})


@verb(r"staff credit {amount} of invoice {number}")
def credit(provider: Provider, amount: str, number: str) -> None:
    provider.call("POST", f"/invoices/{provider.id_of('invoice', number)}/credit-notes",
                  {"amount": Money(amount).json(), "reason": "by the story"})


@verb(r"staff (?P<operation>suspend|unsuspend|terminate) {text}")
def operate(provider: Provider, operation: str, text: str) -> None:
    provider.call("POST", f"/services/{provider.service_id(text)}/operations/{operation}", {"reason": "by the story"})


# -- holds ------------------------------------------------------------------------------------------------------------

def _object(provider: Provider, what: str) -> dict:
    """"invoice 3", "vps of alice", or "everything"."""
    if match := re.fullmatch(r"invoice (\d+)", what):
        return {"invoice_id": provider.id_of("invoice", match.group(1))}
    return {} if what == "everything" else {"service_id": provider.service_id(what)}


@verb(r"staff hold (?P<what>.+?) of {who} until (?P<day>\S+): {text}")
def hold(provider: Provider, who: str, what: str, day: str, text: str) -> None:
    """"invoice 3 of alice", "vps of alice", "everything of alice"."""
    named = what if re.fullmatch(r"invoice \d+|everything", what) else f"{what} of {who}"
    provider.call("POST", f"/accounts/{provider.customers[who]['id']}/holds", {"until": day, "reason": text} | _object(provider, named))


@verb(r"{who} asks for time until (?P<day>\S+) for {text}")
def asks_for_time(provider: Provider, who: str, day: str, text: str) -> None:
    provider.call("POST", f"/accounts/{provider.customers[who]['id']}/holds",
                  {"until": day, "reason": "by the story"} | _object(provider, text), who)


@verb(r"(?P<by>staff|{who}) lifts? hold {number}")
def lift_hold(provider: Provider, by: str, number: str, who: str = "") -> None:
    provider.call("DELETE", "/holds/" + provider.id_of("hold", number), who=who)


# -- runs -------------------------------------------------------------------------------------------------------------

@verb(r"staff (?P<decision>approve|reject) the held run")
def decide_run(provider: Provider, decision: str) -> None:
    job = provider.call("GET", "/scheduler/jobs/daily")
    run = job["held_run"] or job["last_run"]
    provider.call("POST", "/scheduler/jobs/daily/approval", {"run_id": run["id"], "decision": decision, "reason": "by the story"})
    provider.call("PUT", "/test-clock", {"now": provider.noon(provider.today)})  # answers when the run is over


# -- saved methods ----------------------------------------------------------------------------------------------------

@verb(r"{who} saves the card {code}(?: at (?P<gateway>\w+))?(?: until (?P<until>\d{4}-\d{2}-\d{2}))?")
def saves_card(provider: Provider, who: str, code: str, gateway: str = "cards", until: str | None = None) -> None:
    """A token of the sandbox gateway; its README tells what each does when it is charged."""
    provider.call("POST", f"/accounts/{provider.customers[who]['id']}/payment-methods",
                  {"gateway": gateway, "token": code, "label": code, **({"expires_on": until} if until else {})}, who)


def _saved(provider: Provider, who: str, label: str) -> str:
    """Where the card is, by the name that the customer sees."""
    path = f"/accounts/{provider.customers[who]['id']}/payment-methods"
    return path + "/" + next(method["id"] for method in provider.all(path, who) if method["label"] == label)


@verb(r"{who} removes the card {text}")
def removes_card(provider: Provider, who: str, text: str) -> None:
    provider.call("DELETE", _saved(provider, who, text), who=who)


@verb(r"{who} puts the card {text} first")
def puts_card_first(provider: Provider, who: str, text: str) -> None:
    provider.call("PATCH", _saved(provider, who, text), {"position": 0}, who)


@verb(r"{who} turns auto-pay (?P<wish>on|off)")
def turns_autopay(provider: Provider, who: str, wish: str) -> None:
    provider.call("PUT", f"/accounts/{provider.customers[who]['id']}/autopay", {"enabled": wish == "on"}, who)
