"""Part 6: the charges of auto-pay over a gateway that takes its time, against the same calls one after another."""
import sqlite3

from tools import progress

LATENCY_MS = 100
SIDE_BY_SIDE = 32  # what the instance allows
SETTINGS = """\
    cards: {{plugin: sandbox, concurrency: {concurrency}, config: {{latency: {latency}ms}}}}
billing: {{autopay: {{days_before_due: 7}}}}
"""


def charges_a_second(tools, invoices, concurrency):
    """Issues and charges `invoices` invoices in one daily run; the rate is of the charges alone."""
    store = tools.copy(tools.seeded_sqlite(invoices * 3 // 2, "autopay"), "autopay.db")
    config = tools.config(f"autopay-{concurrency}", f"sqlite:{store}", more=SETTINGS.format(concurrency=concurrency, latency=LATENCY_MS))
    answer = tools.product_run(config)
    with sqlite3.connect(store) as db:
        paid, = db.execute("SELECT count(*) FROM payments p JOIN invoices i ON i.id = p.invoice_id "
                           "WHERE p.origin = 'autopay' AND p.status = 'succeeded' AND i.status = 'paid'").fetchone()
        everything, = db.execute("SELECT (SELECT count(*) FROM payments) + (SELECT count(*) FROM invoices WHERE status = 'open')").fetchone()
    assert paid == everything == invoices, (paid, everything, invoices)
    return invoices / answer["drain_seconds"]


def side_by_side(tools, invoices, sample):
    """The rate of many calls side by side, and of a sample one after another."""
    progress(f"auto-pay of {invoices:,} invoices, {LATENCY_MS} ms a call, {SIDE_BY_SIDE} side by side")
    rate = charges_a_second(tools, invoices, SIDE_BY_SIDE)
    progress(f"auto-pay of {sample} invoices, one call after another")
    one_by_one = charges_a_second(tools, sample, 1)
    tools.report(f"autopay_{invoices}_at_{LATENCY_MS}_ms", rate, "charges/s, limit: one by one", one_by_one)
    tools.report(f"autopay_{invoices}_of_the_gateways_limit", rate, "charges/s", SIDE_BY_SIDE * 1000 / LATENCY_MS)
    return rate / one_by_one


def autopay(tools):
    side_by_side(tools, 10_000, 50)


def quick(tools):
    """The check of ./dev test: far above one by one, also on a busy machine."""
    return side_by_side(tools, 320, 10) >= 8
