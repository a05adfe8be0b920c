"""Part 7: what providers send after they could not reach us for long: many callbacks at once, each settling a payment."""
import hashlib
import hmac
import json
import sqlite3
import threading
from datetime import datetime, timezone

from api_load import Server
from tools import progress

SECRET = "0123456789abcdef0123456789abcdef"
# Charges stay open for thirty days, unless a callback tells of them.
SETTINGS = f"""\
    cards: {{plugin: sandbox, concurrency: 32, config: {{settle_after: 30d, webhook_secret: "{SECRET}"}}}}
billing: {{autopay: {{days_before_due: 7}}}}
"""
CLIENTS = 32
GOAL_A_SECOND = 2000
GOAL_MS = 1000


def open_payments(server, count):
    payments, cursor = [], ""
    while len(payments) < count:
        page = server.call("GET", "/payments?status=pending&limit=200" + (f"&cursor={cursor}" if cursor else ""))
        payments += page["data"]
        if not (cursor := page["next_cursor"]):
            break
    return payments


def event(payment):
    amount = payment["amount"]
    return {"id": "evt_" + payment["id"], "type": "payment.succeeded", "payment": payment["id"], "reference": "ch_" + payment["id"],
            "amount": {"minor": int(amount["amount"].replace(".", "")), "currency": amount["currency"]}}


def signed(payment, now):
    body = json.dumps(event(payment))
    signature = hmac.new(SECRET.encode(), f"{now}.{body}".encode(), hashlib.sha256).hexdigest()
    return "/webhooks/cards", {"sandbox-signature": f"t={now},v1={signature}"}, body


def callbacks(tools, count=20_000):
    store = tools.copy(tools.seeded_sqlite(count * 3 // 2, "autopay"), "callbacks.db")
    with sqlite3.connect(store) as db:
        db.execute("UPDATE payment_methods SET token = 'tok_delayed'")
    progress(f"charging {count:,} invoices at a gateway that does not tell yet")
    tools.product_run(tools.config("callbacks", f"sqlite:{store}", more=SETTINGS))
    with Server(tools, store, SETTINGS) as server:
        payments = open_payments(server, count)
        assert len(payments) == count, len(payments)
        clock = server.call("GET", "/test-clock")["now"]
        now = int(datetime.fromisoformat(clock.replace("Z", "+00:00")).astimezone(timezone.utc).timestamp())
        account = "/accounts/" + payments[0]["account_id"]
        before = server.get(account, 4, 3)
        progress(f"{count:,} callbacks, {CLIENTS} at a time")
        reads = []
        reading = threading.Thread(target=lambda: reads.append(server.get(account, 4, 4)))
        reading.start()
        answer = server.post((signed(payment, now) for payment in payments), CLIENTS, 300)
        reading.join()
        assert answer["count"] == count, answer
        with sqlite3.connect(store) as db:
            paid, = db.execute("SELECT count(*) FROM payments p JOIN invoices i ON i.id = p.invoice_id "
                               "WHERE p.status = 'succeeded' AND i.status = 'paid'").fetchone()
        assert paid == count, (paid, count)
    tools.report(f"callbacks_{count}", answer["rate"], "callbacks/s", GOAL_A_SECOND)
    tools.report(f"callbacks_{count}_p99", answer["p99_us"] / 1000, "ms", GOAL_MS)
    tools.report(f"callbacks_{count}_get_p99_beside", reads[0].p99, "ms", 10)
    tools.report(f"callbacks_{count}_get_p99_before", before.p99, "ms", 10)
