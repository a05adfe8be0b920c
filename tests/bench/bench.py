"""Measures the product against limits taken in the same run, interleaved, medians of several.

    bench.py BUILD_FOLDER [--json] [--quick] [--only PART] [--services 10000,100000,1000000] [--rounds 3]

Each result is one object: name, value, unit, limit, ratio (value to limit: higher is better for rates, lower for costs
and times). Progress goes to stderr. What is measured against what: docs/design/performance.md. --quick runs only the
checks of `./dev test`: cost per invoice at 20,000 services against 1,000, which fails when it grows by more than half; and
charges side by side against one by one, which fails below eight times the rate.
BURSAR_BENCH_FOLDER: where the stores go (default /var/tmp); a million services need some 6 GB.
"""
import argparse
import os
import resource
import sys
import tempfile

import api_load
import autopay
import callbacks
import daily_run
from tools import Tools


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parts = {"sqlite": lambda: daily_run.daily_run_sqlite(tools, sizes), "postgresql": lambda: daily_run.daily_run_postgresql(tools, sizes),
             "nothing_due": lambda: daily_run.nothing_due(tools, max(sizes)), "api": lambda: api_load.api(tools),
             "during_run": lambda: api_load.during_run(tools, max(sizes)), "autopay": lambda: autopay.autopay(tools),
             "callbacks": lambda: callbacks.callbacks(tools)}
    quick = {"sqlite": lambda: daily_run.quick(tools), "autopay": lambda: autopay.quick(tools)}
    parser.add_argument("--only", choices=list(parts))
    parser.add_argument("--services", default="10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sizes = [int(n) for n in options.services.split(",")]
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    with tempfile.TemporaryDirectory(prefix="bursar-bench-", dir=os.environ.get("BURSAR_BENCH_FOLDER", "/var/tmp")) as folder:
        os.chmod(folder, 0o755)  # nginx and PostgreSQL run as other users
        tools = Tools(options.build, folder, options.json, options.rounds)
        if options.quick:
            sys.exit(0 if all([check() for name, check in quick.items() if options.only in (None, name)]) else 1)
        for name, part in parts.items():
            if options.only in (None, name):
                part()


if __name__ == "__main__":
    main()
