"""What the parts of the benchmark share: the tools of the build, stores to run on, and results."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

DUE = "2027-03-08"
RUN_AT = "2027-03-02T03:00:00Z"  # the evening of 1 March in Los Angeles: due in seven days
DAY_BEFORE = "2027-03-01T03:00:00Z"
CONFIG = """\
provider:
  name: Example Hosting
  country: US
  address: {{street: 1 Main Street, city: Portland, region: OR, postal_code: "97201"}}
  timezone: America/Los_Angeles
  currencies: [USD, EUR]
server: {{listen: "127.0.0.1:0", public_url: "http://localhost"{server}}}
database: {{url: "{url}"}}
clock: test
tax:
  - {{country: DE, name: VAT, rate: "19"}}
log: {{level: error}}
plugins:
  directory: {plugins}
  instances:
    bank: {{plugin: bank-transfer, config: {{account_holder: Example Hosting Inc., bank: Example Bank, account_number: "000123456789"}}}}
"""
STARTED = time.monotonic()


def progress(text):
    print(f"[{time.monotonic() - STARTED:5.0f} s] {text}", file=sys.stderr, flush=True)


def run(*command, **options):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if result.returncode != 0:
        sys.exit(f"{command[0]} answered {result.returncode}\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout


def remove_store(path):
    for suffix in ("", "-wal", "-shm", ".lock"):
        Path(str(path) + suffix).unlink(missing_ok=True)


class Tools:
    def __init__(self, build, folder, as_json, rounds):
        self.build, self.folder, self.as_json, self.rounds = Path(build).resolve(), Path(folder), as_json, rounds
        self.bursar = self.build / "bursar"

    def tool(self, name):
        return self.build / "bench" / name

    def report(self, name, value, unit, limit, ratio=None):
        """One result. The ratio is value to limit: of rates more is better, of costs and times less."""
        ratio = value / limit if ratio is None else ratio
        if self.as_json:
            print(json.dumps({"name": name, "value": round(value, 4), "unit": unit, "limit": round(limit, 4), "ratio": round(ratio, 3)}), flush=True)
        else:
            print(f"{name:52} {value:12,.2f} {unit:24} limit {limit:12,.2f}  ratio {ratio:.2f}", flush=True)

    def report_medians(self, name, unit, values, limits):
        self.report(name, statistics.median(values), unit, statistics.median(limits))

    def config(self, name, url, server="", more=""):
        path = self.folder / f"{name}.yaml"
        path.write_text(CONFIG.format(url=url, plugins=self.build / "plugins", server=server) + more)
        return path

    def product_run(self, config, at=RUN_AT):
        """One daily run by the real binary, as it tells of it; "invoices" added."""
        out = run(self.bursar, "job", "run", "daily", "--at", at, "--json", "--config", config)
        answer = json.loads(out.splitlines()[-1])
        answer["invoices"] = sum(step["counts"].get("invoices", 0) for step in answer["steps"])
        return answer

    def seeded_sqlite(self, services, *options):
        path = self.folder / f"seed-{services}{''.join(options)}.db"
        if not path.exists():
            progress(f"filling a store of {services:,} services")
            run(self.tool("bench-seed"), f"sqlite:{path}", services, DUE, *options)
        return path

    def copy(self, source, name):
        target = self.folder / name
        remove_store(target)
        shutil.copyfile(source, target)
        os.sync()
        return target
