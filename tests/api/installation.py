"""A provider's installation for the tests of the public face: the configuration, a store seeded by `bursar demo seed`,
and the real `bursar serve` on a port of its own."""
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from pathlib import Path

PASSWORD = "correct horse demo 42"
WEBHOOK_SECRET = "whsec_of_the_tests"
STAFF = {"admin": "staff@example.com", "billing": "billing-staff@example.com", "support": "support-staff@example.com"}

CONFIG = """\
provider:
  name: Example Hosting
  country: US
  address: {{street: 1 Main Street, city: Portland, region: OR, postal_code: "97201"}}
  timezone: America/Los_Angeles
  currencies: [USD, EUR]
server: {{listen: "127.0.0.1:0", public_url: "http://localhost:8080", rate_limits: {rate_limits}{server}}}
database: {{url: "{url}"{database}}}
clock: test
billing:
  apply_credit_to_new_invoices: false
  holds: {{self_service: true, self_service_per_year: 366}}
  late_fee: {{after_days: 5, percent: "5", minimum: {{USD: "1.00", EUR: "1.00"}}}}
log: {{level: {log_level}}}
plugins:
  directory: {plugins}
  instances:
    cards: {{plugin: sandbox, config: {{webhook_secret: whsec_of_the_tests}}}}
    bank: {{plugin: bank-transfer, config: {{account_holder: Example Hosting Inc., bank: Example Bank, account_number: "000123456789"}}}}
    mail: {{plugin: log, config: {{file: "{folder}/messages.jsonl"}}}}
    servers: {{plugin: manual}}
{instances}"""


class Installation:
    """`seed`: a folder made by seed.py whose store is copied; none: an empty store. `server` and `database`: more keys
    of those sections, `instances`: more plugin instances, both as YAML. `config`: a configuration file of the tree instead of ours, with the name of
    its store. `plugins`: plugin files beside the bundled ones."""

    def __init__(self, build, seed=None, url=None, server="", database="", instances="", log_level="info", rate_limits=False,
                 config=None, store="book.db", plugins=()):
        self.build = Path(build).resolve()
        self.binary = self.build / "bursar"
        self.folder = Path(tempfile.mkdtemp(prefix="bursar-api.", dir="/tmp"))
        self.config = Path(config) if config else self.folder / "bursar.yaml"
        self.store = self.folder / store
        self.url = url or f"sqlite:{self.store}"
        directory = self.build / "plugins"
        if plugins:
            bundled, directory = directory, self.folder / "plugins"
            directory.mkdir()
            for file in (*bundled.glob("*.so"), *plugins):
                shutil.copy(file, directory)
        if not config:
            self.config.write_text(CONFIG.format(url=self.url, plugins=directory, folder=self.folder, server=server, database=database,
                                                 instances=instances, log_level=log_level,
                                                 rate_limits=str(rate_limits).lower()))
            self.config.chmod(0o600)
        self.log = self.folder / "server.log"
        self.process = None
        self.port = None
        if seed:
            shutil.copyfile(Path(seed) / "book.db", self.store)

    def command(self, *arguments):
        return [str(self.binary), *arguments, "--config", str(self.config)]

    def run(self, *arguments, check=True, environment=None, stdin=None):
        result = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=300, cwd=self.folder, input=stdin,
                                env={**os.environ, **(environment or {})})
        if check and result.returncode != 0:
            raise AssertionError(f"bursar {' '.join(arguments)} answered {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def make(self):
        """A new store with the demonstration's customers, and one staff user of each role."""
        self.run("db", "migrate")
        self.run("demo", "seed")
        for role in ("billing", "support"):
            self.run("user", "create-staff", "--email", STAFF[role], "--name", f"Demo {role}", "--role", role,
                     environment={"BURSAR_PASSWORD": PASSWORD})

    def start(self, environment=None, limits=None):
        """Starts the server; answers when it listens. `limits`: {resource: number} for the process."""
        def limit():
            import resource
            for kind, number in (limits or {}).items():
                resource.setrlimit(kind, (number, number))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command("serve", "--json", "--listen", "127.0.0.1:0"), stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder,
                                            env={**os.environ, **(environment or {})}, preexec_fn=limit)
        guard = threading.Timer(120, self.process.kill)
        guard.start()
        line = self.process.stdout.readline()
        guard.cancel()
        if not line:
            raise AssertionError(f"the server did not start:\n{self.log.read_text()}")
        self.port = json.loads(line)["port"]
        return self

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server did not end within 30 s of SIGTERM") from None
        finally:
            self.process.stdout.close()
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def rows(self, sql, *parameters):
        """Asks the SQLite store beside the product, read only."""
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=30)
        try:
            return [tuple(row) for row in connection.execute(sql, parameters)]
        finally:
            connection.close()

    def stored_bytes(self):
        """All that the store holds, as whoever takes it away would read it: SQLite's files, or a dump of PostgreSQL."""
        if self.url.startswith("sqlite:"):
            return b"".join(path.read_bytes() for path in self.folder.glob(self.store.name + "*"))
        dump = ["pg_dump", "--format=plain", "--no-owner", "--dbname", self.url.removeprefix("postgresql:")]
        return subprocess.run(dump, check=True, capture_output=True, timeout=300).stdout

    def contents(self):
        """Every row of every table, for comparing before and after, when nothing is under way behind the requests. Sessions and failed logins
        are left out: a denied request writes them down too."""
        deadline = time.monotonic() + 20
        while self.rows("SELECT count(*) FROM effects WHERE state = 'in_flight' OR next_at <= (SELECT coalesce(test_clock_now, '') "
                        "FROM installation) UNION ALL SELECT count(*) FROM notice_spans UNION ALL SELECT count(*) FROM scheduler_runs "
                        "WHERE status IN ('waiting', 'running')") != [(0,), (0,), (0,)]:
            if time.monotonic() > deadline:
                raise AssertionError("the workers and the scheduler do not come to rest")
            time.sleep(0.02)
        tables = [name for name, in self.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        return {table: sorted(map(repr, self.rows(f'SELECT * FROM "{table}"'))) for table in tables
                if table not in ("sessions", "login_throttle")}
