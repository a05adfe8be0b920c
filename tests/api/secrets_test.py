"""Plants secrets wherever one can stand and looks for them wherever something comes out: secrets_test.py BUILD_FOLDER SEED_FOLDER.

A plugin that writes its secret into every log line and error it makes is part of the installation.
"""
import base64
import secrets
import sys
import unittest
import uuid
from urllib.parse import quote

from client import Client, log_in, ok
from installation import PASSWORD, Installation
from operations import CALLERS, OPERATIONS, is_allowed
from world import World


def canary(word):
    return f"canary-{word}-{uuid.uuid4().hex}"


class Canaries(unittest.TestCase):
    def test_no_secret_comes_out_anywhere(self):
        in_environment, in_file, in_metrics = canary("environment"), canary("file"), canary("metrics")
        encryption_key = secrets.token_hex(32)
        planted = {"a plugin's setting from the environment": in_environment, "a plugin's setting from a file": in_file,
                   "the token of the scraper": in_metrics, "the encryption key": encryption_key}
        self.installation = Installation(
            sys.argv[1], seed=sys.argv[2], log_level="debug",
            database=', encryption_keys: ["${env:BURSAR_TEST_ENCRYPTION}"]', server=', metrics_token: "${env:BURSAR_TEST_METRICS}"',
            plugins=[f"{sys.argv[1]}/fixtures/blabs.so"],
            instances='    blab1: {plugin: blabs, config: {api_key: "${env:BURSAR_TEST_KEY}"}}\n'
                      '    blab2: {plugin: blabs, config: {api_key: "${file:FOLDER/key}"}}\n')
        self.addCleanup(self.installation.remove)
        config = self.installation.config
        config.write_text(config.read_text().replace("FOLDER", str(self.installation.folder)))
        key = self.installation.folder / "key"
        key.write_text(in_file + "\n")
        key.chmod(0o600)
        environment = {"BURSAR_TEST_KEY": in_environment, "BURSAR_TEST_METRICS": in_metrics,
                       "BURSAR_TEST_ENCRYPTION": encryption_key}
        # The seed was made without a key.
        outputs = {"answers": [], "commands": []}
        done = self.installation.run("db", "reencrypt", environment=environment)
        outputs["commands"].append(done.stdout + done.stderr)

        for arguments in (("config", "check"), ("plugin", "list"), ("plugin", "list", "--json")):
            done = self.installation.run(*arguments, environment=environment)
            outputs["commands"].append(done.stdout + done.stderr)
        self.assertIn("blab1", outputs["commands"][2])
        self.installation.start(environment=environment)
        planted |= self.live(outputs, in_metrics)
        self.installation.stop()
        backup = self.installation.folder / "backup"
        for arguments in (("db", "verify"), ("db", "backup", str(backup)), ("plugin", "list")):
            done = self.installation.run(*arguments, environment=environment)
            outputs["commands"].append(done.stdout + done.stderr)

        outputs["log"] = [self.installation.log.read_text()]
        outputs["messages"] = [(self.installation.folder / "messages.jsonl").read_text()]
        outputs["store"] = [self.installation.stored_bytes().decode("latin-1")]
        outputs["backup"] = [backup.read_bytes().decode("latin-1")]
        self.assertIn("[secret]", outputs["log"][0], "the plugin that blabs was not heard: nothing was tried")
        self.assertGreater(len(outputs["answers"]), 80)
        found = []
        for what, secret in planted.items():
            forms = {secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex(), quote(secret, safe="")}
            for where, texts in outputs.items():
                if any(form in text for form in forms for text in texts):
                    found.append(f"{what}: in the {where}")
        self.assertEqual(found, [])

    def live(self, outputs, metrics_token):
        """A bit of everything; answers what was planted meanwhile."""
        password, new_password, card = canary("password"), canary("new-password"), canary("card")
        world = World(self.installation)
        collect = Client.request

        def request(client, *arguments, **more):
            answer = collect(client, *arguments, **more)
            # The answer to a login is where a token belongs; everything else that comes back is looked at.
            if "/sessions" not in arguments[1] or answer.status >= 400:
                outputs["answers"].append(answer.body.decode() + repr(answer.headers))
            return answer

        Client.request = request
        try:
            ok(world.anonymous.post("/registrations", {"name": "Cara", "email": "cara@example.org", "password": password,
                                                       "address": {"country": "US"}, "currency": "USD"}, key=None))
            cara = log_in(world.port, "cara@example.org", password)
            self.assertEqual(world.anonymous.post("/sessions", {"email": "cara@example.org", "password": new_password}, key=None).status, 401)
            ok(cara.request("PUT", "/me/password", {"current_password": password, "new_password": new_password}))
            world.anonymous.request("POST", "/sessions", raw=b'{"email": "cara@example.org", "password": "' + password.encode() + b'"')
            cara.request("PUT", "/me/password", {"current_password": password, "new_password": password, "x": 1})
            method = ok(world.owner.post(f"/accounts/{world.account}/payment-methods", {
                "gateway": "cards", "token": card, "label": "Canary"})).json
            ok(world.owner.post(f"/invoices/{world.invoice()}/payments", {"payment_method": method["id"]}))
            for gateway in ("blab1", "blab2"):
                for amount in ("1.01", "5.00"):
                    world.owner.post(f"/invoices/{world.invoice(amount=amount)}/payments", {"gateway": gateway})
            ok(world.admin.request("PUT", "/test-clock", {"now": "2027-01-03T12:00:00Z"}))
            for name, row in OPERATIONS.items():
                if name.startswith("GET"):
                    caller = next(c for c in reversed(CALLERS) if is_allowed(row, c))
                    world.caller(caller).get(row.make(world, caller).path)
                    world.broken.get(row.make(world, caller).path)
            world.admin.request("POST", "/plugins/blab1")
            scrape = world.anonymous.get("/metrics", base="", headers={"Authorization": f"Bearer {metrics_token}"})
            self.assertIn("bursar_store_up 1", scrape.body.decode())
            for path in ("/readyz", "/healthz", "/nothing"):
                world.anonymous.get(path, base="")
        finally:
            Client.request = collect
        tokens = {f"a session's token of {name}": world.caller(name).token for name in ("owner", "admin", "other")}
        cara.close()
        world.close()
        return {"a password": password, "a new password": new_password, "the gateway's token of a saved method": card,
                "a session's token": cara.token, "the password of the demonstration": PASSWORD, **tokens}


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
