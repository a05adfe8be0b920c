"""The provider a story happens to: its configuration, the running server, its API, and the names the story uses."""
import hashlib
import hmac
import itertools
import json
import os
import re
import socket
import subprocess
import urllib.error
import urllib.request
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from book import INVARIANTS

from . import views

STAFF = {"email": "staff@example.com", "password": "a staff password of this story"}

WEBHOOK_SECRET = "a-webhook-secret-of-this-story"

# What a story does not set itself. A date of a story stands for noon, so the daily run of the date is over by then.
DEFAULTS = {
    "provider.name": "Example Hosting",
    "provider.country": "DE",
    "provider.timezone": "Europe/Berlin",
    "provider.currencies": "[EUR, USD]",
    "scheduler.daily": '{cron: "0 3 * * *", timezone: Europe/Berlin}',
    "clock": "test",
    "server.rate_limits": "false",
    "log.level": "error",
    "plugins.instances.bank": '{plugin: bank-transfer, config: {account_holder: Example Hosting, iban: "DE75512108001245126199"}}',
    "plugins.instances.cards": f"{{plugin: sandbox, config: {{settle_after: 1h, webhook_secret: {WEBHOOK_SECRET}}}}}",
    "plugins.instances.servers": "{plugin: manual}",
}


class Refused(Exception):
    """The server answered with a problem. An expected one is told in the story as "refused: CODE"."""

    def __init__(self, code: str, detail: str):
        super().__init__(f"{code}: {detail}")
        self.code = code


class Money(str):
    """"10.00 EUR", as a story writes it."""

    def json(self) -> dict:
        amount, currency = self.split()
        return {"amount": amount, "currency": currency}


def money_text(value: dict) -> str:
    return f"{value['amount']} {value['currency']}"


def _yaml(tree: dict, indent: int = 0) -> str:
    out = ""
    for key, value in tree.items():
        inner = "\n" + _yaml(value, indent + 2) if isinstance(value, dict) else f" {value}\n"
        out += " " * indent + key + ":" + inner
    return out


class Provider:
    def __init__(self, build: Path, folder: Path, store):
        self.build, self.folder, self.store = build, folder, store
        self.binary, self.config_file = build / "bursar", folder / "bursar.yaml"
        self.settings: dict[str, str] = {
            **DEFAULTS,
            "server.listen": f'"127.0.0.1:{self._free_port()}"',
            "database.url": f'"{store.url}"',
            "plugins.directory": f'"{build / "plugins"}"',
            "plugins.instances.mail": f'{{plugin: log, config: {{file: "{folder}/mail.jsonl"}}}}',
        }
        self.taxes: list[str] = []
        self.today = ""
        self.server: subprocess.Popen | None = None
        self.sessions: dict[str, str] = {}     # email -> token
        self.passwords = {STAFF["email"]: STAFF["password"]}
        self.customers: dict[str, dict] = {}   # name -> {"id", "email", "currency"}
        self.products: dict[str, str] = {}     # code -> id
        self.watched = ["invoices", "credit notes", "credit", "services"]
        self.numbers: dict[str, dict[str, int]] = {}  # kind -> id -> number in the story: "invoice 1"
        self.balances: dict[tuple[str, str], dict[str, str]] = {}  # name, side -> currency -> amount when last looked at
        self._remarks: list[str] = []
        self._keys = itertools.count(1)
        self._events = itertools.count(1)
        self._told: dict = {}  # the last event

    # -- the server ------------------------------------------------------------------------------------------------

    @staticmethod
    def _free_port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def set(self, key: str, value: str) -> None:
        """Changes the configuration; the server takes it up by being started anew."""
        self.stop()
        self.settings[key] = value

    def add_tax(self, rule: str) -> None:
        self.stop()
        self.taxes.append(rule)

    def command(self, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess:
        self._write_config()
        result = subprocess.run([self.binary, *arguments, "--config", self.config_file], capture_output=True, text=True,
                                env={**os.environ, **environment}, cwd=self.folder)
        if check and result.returncode != 0:
            raise RuntimeError(f"bursar {' '.join(arguments)}: exit {result.returncode}: {result.stderr}")
        return result

    def _write_config(self) -> None:
        tree: dict = {}
        for key, value in self.settings.items():
            *path, last = key.split(".")
            at = tree
            for part in path:
                at = at.setdefault(part, {})
            at[last] = value
        if self.taxes:
            tree["tax"] = "[" + ", ".join(self.taxes) + "]"
        self.config_file.write_text(_yaml(tree))

    def begin(self, first_date: str) -> None:
        self.today = first_date
        self.command("db", "migrate")

    def start(self) -> None:
        if self.server:
            return
        if not self.sessions:
            self.command("clock", "advance", "--jump", "--to", self.noon(self.today))
            self.command("user", "create-staff", "--email", STAFF["email"], "--name", "Staff", "--role", "admin",
                         BURSAR_PASSWORD=STAFF["password"])
        self._write_config()
        self.server = subprocess.Popen([self.binary, "serve", "--config", self.config_file], stdout=subprocess.PIPE, text=True,
                                       cwd=self.folder)
        if not self.server.stdout.readline().startswith("listening"):
            raise RuntimeError(f"the server did not start: exit {self.server.wait()}")
        if not self.sessions:
            self.log_in(STAFF["email"])

    def stop(self) -> None:
        if self.server:
            self.server.terminate()
            self.server.wait(60)
            self.server.stdout.close()
            self.server = None

    # -- the API ---------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: dict | None = None, who: str = "") -> dict:
        """One request as staff, or as the customer named. Refused is what a story can expect."""
        email = self.customers[who]["email"] if who else STAFF["email"]
        try:
            return self._request(method, path, body, email)
        except Refused as refusal:
            if refusal.code != "login_required":
                raise
            self.log_in(email)  # sessions end when weeks go by in a moment
            return self._request(method, path, body, email)

    def _request(self, method: str, path: str, body: dict | None, email: str) -> dict:
        self.start()
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"story-{next(self._keys)}"}
        if email in self.sessions:
            headers["Authorization"] = "Bearer " + self.sessions[email]
        address = self.settings["server.listen"].strip('"')
        request = urllib.request.Request(f"http://{address}/api/v1{path}", method=method, headers=headers,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                text = answer.read()
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as problem:
            told = json.loads(problem.read())
            code, detail = told["code"], told.get("detail", "") + " " + json.dumps(told.get("errors", ""))
            raise Refused(code, detail) if problem.code < 500 else RuntimeError(f"{method} {path}: {code}: {detail}")

    def log_in(self, email: str) -> None:
        self.sessions.pop(email, None)
        login = {"email": email, "password": self.passwords[email]}
        self.sessions[email] = self._request("POST", "/sessions", login, email)["token"]

    def all(self, path: str, who: str = "") -> list[dict]:
        """Every object of a list, page by page, in the order of the server."""
        found: list[dict] = []
        cursor = ""
        joint = "&" if "?" in path else "?"
        while True:
            page = self.call("GET", f"{path}{joint}limit=100{cursor}", who=who)
            found += page["data"]
            if not page["next_cursor"]:
                return found
            cursor = "&cursor=" + page["next_cursor"]

    # -- time ------------------------------------------------------------------------------------------------------

    def noon(self, day: str) -> str:
        zone = ZoneInfo(self.settings["provider.timezone"])
        return datetime.combine(date.fromisoformat(day), time(12), zone).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    def go_to(self, day: str, how: str) -> None:
        """Lives through the days until `day`, or is down until then."""
        one_run = not how and date.fromisoformat(day) - date.fromisoformat(self.today) == timedelta(days=1)
        self.today, moved = day, day != self.today
        if how == "after downtime":
            self.stop()
            self.command("clock", "advance", "--jump", "--to", self.noon(day))
        elif how:
            raise ValueError(f"{day} {how}: a date stands alone, or with \"after downtime\"")
        elif moved:
            foreseen = self.call("POST", "/scheduler/preview", {"at": self.noon(day)}) if one_run else None
            marks = views.marks(self)
            self.call("PUT", "/test-clock", {"now": self.noon(day)})
            if foreseen:
                self._remarks += views.surprises(self, foreseen, marks)

    def wait(self, minutes: int) -> None:
        """Later on the same day; what is due by then is done."""
        now = datetime.fromisoformat(self.call("GET", "/test-clock")["now"].replace("Z", "+00:00"))
        self.call("PUT", "/test-clock", {"now": (now + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")})

    # -- what the card gateway tells -------------------------------------------------------------------------------

    def minor(self, amount: str) -> dict:
        number, currency = amount.split()
        return {"minor": int(number.replace(".", "")), "currency": currency}

    def fresh(self, name: str) -> str:
        return f"{name}-{next(self._events)}"

    def tell(self, event: dict) -> None:
        self._told = {"id": self.fresh("event")} | event
        self.tell_again()

    def tell_again(self) -> None:
        """Signed by the installation's clock, as the sandbox's README says; what it makes the server ask is asked."""
        now = datetime.fromisoformat(self.call("GET", "/test-clock")["now"].replace("Z", "+00:00"))
        body, seconds = json.dumps(self._told).encode(), int(now.timestamp())
        signature = hmac.new(WEBHOOK_SECRET.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        address = self.settings["server.listen"].strip('"')
        request = urllib.request.Request(f"http://{address}/api/v1/webhooks/cards", method="POST", data=body,
                                         headers={"Content-Type": "application/json", "Sandbox-Signature": f"t={seconds},v1={signature}"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            answer.read()
        self.wait(1)

    # -- what the story looks at -----------------------------------------------------------------------------------

    def documents(self) -> dict:
        if not self.customers:
            return {}
        self.wait(0)  # until the workers have done what is due
        return views.documents(self)

    def remarks(self) -> list[str]:
        told, self._remarks = self._remarks, []
        return told

    def number(self, kind: str, identity: str) -> int:
        """Documents are numbered in the order in which they came to be."""
        return self.numbers.setdefault(kind, {}).setdefault(identity, len(self.numbers.get(kind, {})) + 1)

    def id_of(self, kind: str, number: str) -> str:
        for identity, known in self.numbers.get(kind, {}).items():
            if known == int(number):
                return identity
        raise ValueError(f"there is no {kind} {number} yet")

    def service_id(self, name: str) -> str:
        """"vps-s of alice", or "vps-s #2 of alice" where there are several."""
        match = re.fullmatch(r"(\S+)(?: #(\d+))? of (\w+)", name)
        if not match:
            raise ValueError(f"{name}: write \"PRODUCT of CUSTOMER\"")
        code, number, who = match.group(1), int(match.group(2) or 1), match.group(3)
        of_product = [s for s in views.services(self, who) if s["product_id"] == self.products[code]]
        return of_product[number - 1]["id"]

    # -- the end ---------------------------------------------------------------------------------------------------

    def close_books(self) -> list[str]:
        """What the product's own checker and SQL written apart from it find wrong."""
        self.start()
        self.stop()
        found = []
        verified = self.command("db", "verify", check=False)
        if verified.returncode != 0:
            found.append("db verify: " + verified.stdout + verified.stderr)
        found += [f"{name}: {row}" for name, sql in INVARIANTS.items() for row in self.store.rows(sql)]
        return found
