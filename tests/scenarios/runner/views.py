"""What a story looks at: documents, each a title, named facts and details. A step is told by what it changed of them."""
import re
from dataclasses import dataclass, field
from decimal import Decimal

_VIEWS: dict[str, object] = {}


@dataclass
class Document:
    """`facts` name what can change and say it as a story does; `details` are lines below, by a key that stays."""
    facts: dict[str, str]
    details: dict[str, str] = field(default_factory=dict)


def view(name: str):
    """Registers what "watch NAME" shows: a function from the provider to {title: Document}, in the order of telling."""
    def register(function):
        _VIEWS[name] = function
        return function
    return register


def names() -> list[str]:
    return list(_VIEWS)


def documents(provider) -> dict[str, Document]:
    provider.cache = {}
    found: dict[str, Document] = {}
    for name, function in _VIEWS.items():
        if name in provider.watched:
            found |= function(provider)
    return found


def _tell(title: str, facts: list[str], details: list[str]) -> list[str]:
    shown = [fact for fact in facts if fact]
    return [f"{title}: {', '.join(shown)}" if shown else title, *("  " + detail for detail in details)]


def changes(before: dict[str, Document], after: dict[str, Document]) -> list[str]:
    """A new document is told in whole, a changed one by what is different, and that one is gone."""
    told = []
    for title, document in after.items():
        old = before.get(title)
        if old is None:
            told += _tell(title, list(document.facts.values()), list(document.details.values()))
        elif old != document:
            told += _tell(title, _different(old.facts, document.facts), _different(old.details, document.details))
    return told + [f"{title}: gone" for title in before if title not in after]


def _different(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Texts that are new or other by now, then those that hold no more."""
    names = [*new, *(name for name in old if name not in new)]
    return [new.get(name) or f"no longer {old[name]}" for name in names if new.get(name, "") != old.get(name, "")]


def money(value: dict) -> str:
    return f"{value['amount']} {value['currency']}"


def _is_zero(value: dict) -> bool:
    return not value["amount"].strip("0.-")


# -- what the API says, once a step ---------------------------------------------------------------------------------

def _once(provider, key, read):
    """A step asks the server for a list once, however many views need it."""
    if key not in provider.cache:
        provider.cache[key] = read()
    return provider.cache[key]


def invoices(provider) -> list[dict]:
    """Every invoice in whole, oldest first."""
    def read():
        heads = reversed(provider.all("/invoices"))
        return [provider.call("GET", "/invoices/" + head["id"]) for head in heads]
    return _once(provider, "invoices", read)


def services(provider, who: str) -> list[dict]:
    customer = provider.customers[who]["id"]
    return _once(provider, ("services", who), lambda: provider.all(f"/accounts/{customer}/services"))


def customer_named(provider, account: str | None) -> str:
    if account is None:
        return "the provider"
    return next(name for name, customer in provider.customers.items() if customer["id"] == account)


# -- the views --------------------------------------------------------------------------------------------------------

def _tax_of(line: dict) -> str:
    if line["tax_rule"] and line["tax_rate"] != "0":
        contained = "of it" if line["tax_inclusive"] else "+"
        return f" {contained} {line['tax']['amount']} {line['tax_rule']} {line['tax_rate']} %"
    # "Not subject to tax" (O) is what a provider without tax rules has on every line: not worth a word.
    return f" untaxed ({line['tax_category']}: {line['exemption_reason']})" if line["tax_category"] not in "SO" else ""


def _line_text(line: dict) -> str:
    amount = line["net"]["amount"]
    if line["tax_inclusive"] and line["tax_rate"] != "0":
        amount = line["unit_price"]["amount"]
    return ("taken back: " if line["removed"] else "") + f"{amount}{_tax_of(line)}: {line['description']}"


@view("invoices")
def _invoices(provider) -> dict[str, Document]:
    found = {}
    for invoice in invoices(provider):
        number = provider.number("invoice", invoice["id"])
        who = customer_named(provider, invoice["account_id"])
        fee_of = invoice["late_fee_of"]
        found[f"invoice {number} of {who}"] = Document(
            {"kind": invoice["kind"].replace("_", " ") + (f" on invoice {provider.number('invoice', fee_of)}" if fee_of else ""),
             "number": invoice["number"] or "pro forma",
             "issued": "dated " + invoice["issued_on"],
             "due": "due " + invoice["due_on"],
             "total": "total " + money(invoice["total"]),
             "tax": "" if _is_zero(invoice["tax"]) else "tax " + invoice["tax"]["amount"],
             "owed": "owed " + invoice["balance"]["amount"],
             "under way": "" if _is_zero(invoice["under_way"]) else "under way " + invoice["under_way"]["amount"],
             "status": invoice["status"]},
            {line["id"]: _line_text(line) for line in invoice["lines"]})
    return found


@view("credit notes")
def _credit_notes(provider) -> dict[str, Document]:
    found = {}
    for invoice in invoices(provider):
        for note in invoice["credit_notes"]:
            found[f"credit note {note['number']} on invoice {provider.number('invoice', invoice['id'])}"] = Document(
                {"issued": "dated " + note["issued_on"], "total": "total " + money(note["total"]),
                 "tax": "" if _is_zero(note["tax"]) else "tax " + note["tax"]["amount"]},
                {str(place): f"{line['net']['amount']}" + ("" if _is_zero(line["tax"]) else f" + {line['tax']['amount']}") +
                             f": {line['description']}" for place, line in enumerate(note["lines"])})
    return found


@view("credit")
def _credit(provider) -> dict[str, Document]:
    return _balances(provider, "credit", "credit")


@view("debts")
def _debts(provider) -> dict[str, Document]:
    return _balances(provider, "owed", "debt")


def _balances(provider, side: str, name: str) -> dict[str, Document]:
    """Once there was something, its end is an amount, too: the API leaves out what is nothing."""
    found = {}
    for who, customer in provider.customers.items():
        balance = provider.call("GET", f"/accounts/{customer['id']}/balance")
        known = provider.balances.setdefault((who, side), {})
        known.update({currency: _nothing(text) for currency, text in known.items()})
        known.update({value["currency"]: money(value) for value in balance[side]})
        if known:
            found[f"{name} of {who}"] = Document(dict(known))
    return found


def _nothing(text: str) -> str:
    amount, currency = text.split()
    return f"{Decimal(amount) * 0} {currency}"


@view("services")
def _services(provider) -> dict[str, Document]:
    codes = {identity: code for code, identity in provider.products.items()}
    found = {}
    for who in provider.customers:
        for service in services(provider, who):
            code = codes[service["product_id"]]
            title, number = f"{code} of {who}", 2
            while title in found:
                title, number = f"{code} #{number} of {who}", number + 1
            found[title] = Document(
                {"status": service["status"] + (f" ({service['suspend_reason']})" if service["suspend_reason"] else ""),
                 "due": f"next due {service['next_due_on']}" if service["next_due_on"] else "",
                 "cancel": f"ends {service['cancel_on']}" if service["cancel_on"] else "",
                 "change": _pending(provider, service["pending_change"], codes)})
    return found


def _pending(provider, change, codes) -> str:
    if change is None:
        return ""
    if change["status"] == "scheduled":
        return f"becomes {codes[change['product_id']]} ({change['cycle']} for {change['price']['amount']}) on {change['effective_on']}"
    return f"becomes {codes[change['product_id']]} when invoice {provider.number('invoice', change['invoice_id'])} is paid"


@view("holds")
def _holds(provider) -> dict[str, Document]:
    found = {}
    for who, customer in provider.customers.items():
        for hold in reversed(provider.all(f"/accounts/{customer['id']}/holds")):
            held = (f"invoice {provider.number('invoice', hold['invoice_id'])}" if hold["invoice_id"] else
                    "a service" if hold["service_id"] else "everything")
            found[f"hold {provider.number('hold', hold['id'])} of {who}"] = Document(
                {"what": held, "by": "by " + hold["origin"], "until": "until " + hold["until"],
                 "status": hold["status"] + (f" ({hold['ended_by']})" if hold["ended_by"] else "")})
    return found


@view("payments")
def _payments(provider) -> dict[str, Document]:
    found = {}
    for payment in reversed(provider.all("/payments")):
        number = provider.number("payment", payment["id"])
        found[f"payment {number} of {customer_named(provider, payment['account_id'])}"] = Document(
            {"asked": f"{money(payment['amount'])} by {payment['gateway']}",
             "status": payment["status"] + (f" ({payment['decline_code']})" if payment["decline_code"] else ""),
             "received": "" if _is_zero(payment["received"]) else "received " + payment["received"]["amount"],
             "refunded": "" if _is_zero(payment["refunded"]) else "refunded " + payment["refunded"]["amount"],
             "disputed": "" if _is_zero(payment["disputed"]) else "disputed " + payment["disputed"]["amount"]})
    return found


@view("mass payments")
def _mass_payments(provider) -> dict[str, Document]:
    found = {}
    for who, customer in provider.customers.items():
        for mass in reversed(provider.all(f"/accounts/{customer['id']}/mass-payments")):
            number = provider.number("mass payment", mass["id"])
            found[f"mass payment {number} of {who}"] = Document({"total": "total " + money(mass["total"]), "status": mass["status"]})
    return found


@view("refunds")
def _refunds(provider) -> dict[str, Document]:
    found = {}
    for payment in reversed(provider.all("/payments")):
        for refund in reversed(provider.all(f"/payments/{payment['id']}/refunds")):
            number, of = provider.number("refund", refund["id"]), provider.number("payment", payment["id"])
            found[f"refund {number} of payment {of}"] = Document(
                {"amount": money(refund["amount"]), "to": f"to {refund['destination']}", "status": refund["status"]})
    return found


@view("refund requests")
def _refund_requests(provider) -> dict[str, Document]:
    """With what the rules say against it; what speaks for it is not told."""
    found = {}
    for request in reversed(provider.all("/refund-requests")):
        number, of = provider.number("refund request", request["id"]), provider.number("payment", request["payment_id"])
        verdict, decision = request["verdict"], request["decision"] or {}
        found[f"refund request {number} of payment {of}"] = Document(
            {"amount": money(request["amount"]) if request["amount"] else "all of it",
             "status": request["status"] + (" by the rules" if decision.get("by_rule") else ""),
             "verdict": "against the rules" if not verdict["eligible"] else
                        "within the rules" + (" as credit" if verdict["credit_only"] else ""),
             "override": decision.get("override_reason") and f"although {decision['override_reason']}" or ""},
            {str(place): f"{one['name'].replace('_', ' ')} of {one['product'] or 'the money'}: {one['explanation']}"
             for place, one in enumerate(verdict["conditions"]) if one["verdict"] != "holds"})
    return found


@view("disputes")
def _disputes(provider) -> dict[str, Document]:
    return {f"dispute {provider.number('dispute', dispute['id'])} of payment {provider.number('payment', dispute['payment_id'])}": Document(
                {"amount": money(dispute["amount"]), "status": dispute["status"]}) for dispute in reversed(provider.all("/disputes"))}


@view("suspense")
def _suspense(provider) -> dict[str, Document]:
    return {f"suspense item {provider.number('suspense item', item['id'])}": Document(
                {"amount": money(item["amount"]), "status": item["status"]}) for item in provider.all("/suspense-items")}


def _by_number(provider, text: str) -> str:
    """"invoice INV-2027-000001 (inv_...)" and "payment pay_..." as a story names them."""
    def named(match: re.Match) -> str:
        return f"{match.group(1)} {provider.number(match.group(1), match.group(2))}"
    return re.sub(r"(invoice|payment) (?:\S+ \()?((?:inv|pay)_[0-9a-z]+)\)?", named, text)


@view("ledger")
def _ledger(provider) -> dict[str, Document]:
    """Every posting as the customer reads it; objects have the numbers of the story."""
    found = {}
    for who, customer in provider.customers.items():
        for number, entry in enumerate(reversed(provider.all(f"/accounts/{customer['id']}/ledger")), 1):
            found[f"entry {number} of {who}"] = Document(
                {"text": _by_number(provider, entry["explanation"])},
                {str(place): _by_number(provider, posting["explanation"]) for place, posting in enumerate(entry["postings"])})
    return found


@view("tasks")
def _tasks(provider) -> dict[str, Document]:
    """What staff have to look at."""
    found = {}
    for task in provider.all("/staff-tasks"):
        of = f" for {customer_named(provider, task['account_id'])}" if task["account_id"] else ""
        found[f"task {provider.number('task', task['id'])}{of}"] = Document(
            {"kind": task["kind"].replace("_", " "), "title": task["title"], "status": task["status"]})
    return found


@view("auto-pay")
def _autopay(provider) -> dict[str, Document]:
    found = {}
    for invoice in invoices(provider):
        if not invoice["autopay_attempts"] and not invoice["autopay_on"]:
            continue
        title = f"auto-pay of invoice {provider.number('invoice', invoice['id'])}"
        told = [f"try {a['round']}: {a['method_label'] or 'no method'} {a['outcome'].replace('_', ' ')} ({a['explanation']})"
                for a in invoice["autopay_attempts"]]
        found[title] = Document({"next": f"next on {invoice['autopay_on']}" if invoice["autopay_on"] else ""},
                                {str(number): line for number, line in enumerate(told)})
    return found


@view("runs")
def _runs(provider) -> dict[str, Document]:
    """Only runs that staff had to look at."""
    found = {}
    for run in reversed(provider.all("/scheduler/jobs/daily/runs")):
        checks = {check["step"]: f"{check['step']}: {check['verdict']}, {check['reason']}" for check in run["checks"] if check["reason"]}
        if checks:
            found[f"run of {run['date']}"] = Document({"status": run["status"]}, checks)
    return found


@view("mails")
def _mails(provider) -> dict[str, Document]:
    # Several workers write them, so those of one step are told in the order of customer and subject.
    messages = sorted(provider.all("/notifications"), key=lambda m: (customer_named(provider, m["account_id"]), m["subject"], m["id"]))
    numbered = sorted(((provider.number("mail", m["id"]), m) for m in messages if m["id"] in provider.numbers.get("mail", {})),
                      key=lambda pair: pair[0])
    numbered += [(provider.number("mail", m["id"]), m) for m in messages if m["id"] not in {known["id"] for _, known in numbered}]
    return {f"mail {number} to {customer_named(provider, m['account_id'])}": Document({"subject": m["subject"]}) for number, m in numbered}


# -- a preview against what then happens ------------------------------------------------------------------------------

# What an outside party's answer sets off comes after the run; a preview can't know the answer.
_AFTER_AN_ANSWER = {"payment_received", "payment_failed", "action_required", "unsuspended", "service_active"}


def _everything(provider) -> dict[str, list[dict]]:
    return {"invoices": provider.all("/invoices"), "charges": [p for p in provider.all("/payments") if p["origin"] == "autopay"],
            "mails": [m for m in provider.all("/notifications") if m["template"] not in _AFTER_AN_ANSWER],
            "events": [e for e in provider.all("/audit-events") if e["action"] in ("service.suspend", "service.terminate", "service.change", "order.cancel")]}


def marks(provider) -> dict[str, set[str]]:
    """What there is before a run."""
    return {kind: {row["id"] for row in rows} for kind, rows in _everything(provider).items()}


def _as_told(foreseen: dict) -> list[str]:
    told = [f"invoice for {i['account_id']}: {i['kind']} {i['number']} due {i['due_on']} {money(i['total'])} owed {money(i['balance'])} "
            f"{i['status']}" for i in foreseen["invoices"]]
    told += [f"charge for {c['account_id']}: {money(c['amount'])} by {c['gateway']}" for c in foreseen["charges"]]
    told += [f"mail to {m['recipient']}: {m['template']} {m['subject']}" for m in foreseen["mails"]
             if m["template"] not in _AFTER_AN_ANSWER]
    told += [f"suspension of {s['service_id']}" for s in foreseen["suspensions"]]
    told += [f"termination of {s['service_id']}" for s in foreseen["terminations"]]
    told += [f"change of {s['service_id']}" for s in foreseen["changes"]]
    told += [f"cancellation of {o['order_id']}" for o in foreseen["cancelled_orders"]]
    return sorted(told)


def _follows_an_answer(provider, charge: dict) -> bool:
    """The charge of a next method, after the one before it had failed."""
    invoice = provider.call("GET", "/invoices/" + charge["invoice_id"])
    return any(a["payment_id"] == charge["id"] and a["reason"] == "after_failure" for a in invoice["autopay_attempts"])


def surprises(provider, foreseen: dict, before: dict[str, set[str]]) -> list[str]:
    """Differences between what a preview told and what the run did."""
    now = {kind: [row for row in rows if row["id"] not in before[kind]] for kind, rows in _everything(provider).items()}
    now["charges"] = [charge for charge in now["charges"] if not _follows_an_answer(provider, charge)]
    foreseen_changes = [change["service_id"] for change in foreseen["changes"]]
    # A change that a charge paid follows the gateway's answer.
    now["events"] = [e for e in now["events"] if e["action"] != "service.change" or e["detail"]["when"] == "end_of_period"
                     or e["object_id"] in foreseen_changes]
    by_action = {name: [{"service_id": e["object_id"]} for e in now["events"] if e["action"] == "service." + name]
                 for name in ("suspend", "terminate", "change")}
    happened = _as_told(now | {"suspensions": by_action["suspend"], "terminations": by_action["terminate"],
                               "changes": by_action["change"],
                               "cancelled_orders": [{"order_id": e["object_id"]} for e in now["events"] if e["action"] == "order.cancel"]})
    told = _as_told(foreseen)
    return ([f"the preview told of what did not happen: {line}" for line in told if line not in happened] +
            [f"the preview did not tell: {line}" for line in happened if line not in told])
