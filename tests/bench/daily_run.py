"""Parts 1 to 3: the daily run on SQLite and PostgreSQL, and a run with nothing due."""
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from tools import DUE, progress, remove_store, run


class Figures:
    """What the rounds at one size gave: pairs of the product and, right after it, its limit."""

    def __init__(self):
        self.rates, self.limits, self.cpu, self.cpu_limits, self.memory = [], [], [], [], []

    def add(self, product, limit):
        assert product["invoices"] == limit["invoices"] > 0, (product, limit)
        self.rates.append(product["invoices"] / product["seconds"])
        self.limits.append(limit["invoices"] / limit["seconds"])
        self.cpu.append(product["cpu_seconds"] / product["invoices"] * 1e6)
        self.cpu_limits.append(limit["cpu_seconds"] / limit["invoices"] * 1e6)
        self.memory.append((product["peak_memory_kb"] - product["page_cache_kb"]) / 1024)


def daily_run_sqlite(tools, sizes):
    all_figures = {}
    for services in sizes:
        seed = tools.seeded_sqlite(services)
        figures = all_figures[services] = Figures()
        for number in range(tools.rounds):
            progress(f"daily run on SQLite, {services:,} services, round {number + 1} of {tools.rounds}")
            after = tools.copy(seed, "after.db")
            product = tools.product_run(tools.config("sqlite", f"sqlite:{after}"))
            work = tools.copy(seed, "work.db")
            figures.add(product, json.loads(run(tools.tool("bench-baseline-sqlite"), seed, after, work)))
            for path in (after, work):
                remove_store(path)
        name = f"daily_run_sqlite_{services}"
        tools.report_medians(name, "invoices/s", figures.rates, figures.limits)
        tools.report_medians(name + "_cpu", "us of CPU an invoice", figures.cpu, figures.cpu_limits)
        tools.report(name + "_memory_beyond_page_cache", statistics.median(figures.memory), "MB", 50)
    report_growth(tools, "daily_run_sqlite_cost", all_figures, 1.1)


def report_growth(tools, name, all_figures, most):
    """Cost per invoice at the largest size against the smallest, by the clock and by the processor."""
    first, last = min(all_figures), max(all_figures)
    by_clock = statistics.median(all_figures[first].rates) / statistics.median(all_figures[last].rates)
    by_cpu = statistics.median(all_figures[last].cpu) / statistics.median(all_figures[first].cpu)
    tools.report(name + "_growth", by_clock, f"at {last} / at {first}", most)
    tools.report(name + "_growth_cpu", by_cpu, f"at {last} / at {first}", most)


def daily_run_postgresql(tools, sizes):
    server = tools.folder / "server"
    script = Path(__file__).parent.parent / "support/start-postgres.sh"
    started = subprocess.run([str(script), str(server), str(os.getpid()), "durable"], capture_output=True, text=True)
    if started.returncode != 0:
        print(f"PostgreSQL left out: {started.stderr}", file=sys.stderr)
        return
    base = f"host={server} port=5432 user=bursar"

    def psql(database, sql):
        run("psql", "-X", "-q", "-c", sql, f"{base} dbname={database}")

    def create(name, template=None):
        psql("postgres", f'DROP DATABASE IF EXISTS "{name}"')
        psql("postgres", f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""))
        psql("postgres", "CHECKPOINT")  # no round pays for what the one before it has left to write
        return f"{base} dbname={name}"

    for services in sizes:
        progress(f"filling a PostgreSQL database of {services:,} services")
        seed = create(f"seed{services}")
        run(tools.tool("bench-seed"), f"postgresql:{seed}", services, DUE)
        psql(f"seed{services}", "VACUUM ANALYZE")
        figures = Figures()
        for number in range(tools.rounds):
            progress(f"daily run on PostgreSQL, {services:,} services, round {number + 1} of {tools.rounds}")
            after = create("after", f"seed{services}")
            product = tools.product_run(tools.config("postgresql", f"postgresql:{after}"))
            work = create("work", f"seed{services}")
            figures.add(product, json.loads(run(tools.tool("bench-baseline-postgresql"), seed, after, work)))
        tools.report_medians(f"daily_run_postgresql_{services}", "invoices/s", figures.rates, figures.limits)
        for name in ("after", "work", f"seed{services}"):
            psql("postgres", f'DROP DATABASE "{name}"')


def nothing_due(tools, services):
    """A run with nothing due over many services, against one over 1,000. Its bookkeeping, some durable transactions, is
    the same in both; what is more is the queries'. In processor time: the store is in memory, and a sync of the disk
    takes longer than all the queries together."""
    configs = {n: tools.config(f"nothing-{n}", f"sqlite:{tools.seeded_sqlite(n, 'not-due')}") for n in (services, 1000)}
    progress(f"runs with nothing due over {services:,} services")
    cpu, wall = {n: [] for n in configs}, {n: [] for n in configs}
    for day in range(2, 13):
        for n, config in configs.items():
            answer = tools.product_run(config, at=f"2027-03-{day:02}T03:00:00Z")
            assert answer["invoices"] == 0, answer
            if day > 2:  # the first warms the caches
                cpu[n].append(answer["cpu_seconds"] * 1000)
                wall[n].append(answer["seconds"] * 1000)
    more = max(0.0, statistics.median(cpu[services]) - statistics.median(cpu[1000]))
    tools.report(f"nothing_due_{services}_queries", more, "ms beyond a run over 1000", 1.0)
    tools.report_medians(f"nothing_due_{services}_whole_run", "ms, limit: over 1000", wall[services], wall[1000])


def quick(tools):
    """The check of ./dev test. By processor time, which other tests running beside it do not stretch."""
    small, large = 1000, 20000
    costs = {small: [], large: []}
    for _ in range(3):
        for services in costs:
            store = tools.copy(tools.seeded_sqlite(services), "quick.db")
            answer = tools.product_run(tools.config("quick", f"sqlite:{store}"))
            costs[services].append(answer["cpu_seconds"] / answer["invoices"])
    growth = min(costs[large]) / min(costs[small])
    tools.report("cost_per_invoice_growth", growth, f"cost({large})/cost({small})", 1.5)
    return growth <= 1.5
