"""What the store holds of gateways' secrets, as whoever takes it away would read it, from a store without a key to one with another
key: encryption_test.py BUILD_FOLDER."""
import secrets
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid

from client import ok
from cluster import Cluster
from installation import Installation
from world import World


def canary(word):
    return f"canary-{word}-{uuid.uuid4().hex}"


class Life:
    """The whole story on one backend; each part begins where the last one ended."""
    url = None

    def setUp(self):
        self.installation = Installation(sys.argv[1], url=self.url, database=', encryption_keys: []')
        self.addCleanup(self.installation.remove)
        self.installation.make()
        self.keys = []

    def with_keys(self, *keys):
        before, self.keys = str(self.keys).replace("'", '"'), list(keys)
        text = self.installation.config.read_text()
        after = str(self.keys).replace("'", '"')
        self.assertIn(f"encryption_keys: {before}", text)
        self.installation.config.write_text(text.replace(f"encryption_keys: {before}", f"encryption_keys: {after}"))

    def serving(self):
        self.installation.start()
        return World(self.installation)

    def stop(self, world):
        world.close()
        self.installation.stop()

    def save(self, world, token):
        return ok(world.owner.post(f"/accounts/{world.account}/payment-methods", {"gateway": "cards", "token": token, "label": "Card"})).json["id"]

    def pays(self, world, method):
        return ok(world.owner.post(f"/invoices/{world.invoice()}/payments", {"payment_method": method})).json["status"]

    def renewed(self, world, token):
        """The gateway tells of the token."""
        ok(world.send({"id": world.unique("evt_"), "type": "method.updated", "token": token, "label": "Visa ending 1111",
                       "expires": {"year": 2040, "month": 1}}))

    def method(self, world, method):
        return next((m for m in ok(world.owner.get(f"/accounts/{world.account}/payment-methods")).json["data"] if m["id"] == method), None)

    def holds(self, token):
        return token.encode() in self.installation.stored_bytes()

    def verified(self):
        done = self.installation.run("db", "verify", check=False)
        return done.returncode, done.stdout

    def test_from_clear_to_a_key_to_another_key(self):
        run, first, second = self.installation.run, *(secrets.token_hex(32) for _ in range(2))
        early, later, gone = canary("early"), canary("later"), canary("gone")

        world = self.serving()
        method = self.save(world, early)
        self.assertEqual(self.pays(world, method), "succeeded")
        self.stop(world)
        self.assertEqual(self.installation.log.read_text().count("secrets_in_clear"), 1)
        self.assertTrue(self.holds(early), "without a key it is found, so what follows can fail")
        self.assertEqual(self.verified()[0], 0)

        self.with_keys(first)
        code, told = self.verified()
        self.assertEqual((code, "secret_is_encrypted" in told, "bursar db reencrypt" in told), (1, True, True), told)
        world = self.serving()
        self.assertEqual(self.pays(world, method), "succeeded", "what stands in clear is still read")
        other = self.save(world, later)
        removed = self.save(world, gone)
        self.assertEqual(self.pays(world, other), "succeeded")
        ok(world.owner.request("DELETE", f"/accounts/{world.account}/payment-methods/{removed}"))
        ok(world.admin.request("PUT", "/test-clock", {"now": "2027-01-03T12:00:00Z"}))
        self.renewed(world, early)
        self.renewed(world, later)
        for one in (method, other):
            self.assertEqual(self.method(world, one)["expires_on"], "2040-01-31")
        self.stop(world)
        for token in (later, gone):
            self.assertFalse(self.holds(token), "what is new is encrypted")
        self.assertNotIn("secrets_in_clear", self.installation.log.read_text().split("secrets_in_clear", 1)[1])

        self.assertRegex(run("db", "reencrypt").stdout, r"payment_methods.token +[1-9][0-9]* encrypted")
        self.emptied()
        self.assertFalse(self.holds(early))
        self.assertEqual(self.verified()[0], 0)

        self.with_keys(second)
        for command in (("serve",), ("db", "verify"), ("db", "reencrypt")):
            refused = run(*command, check=False)
            self.assertEqual(refused.returncode, 1, command)
            self.assertRegex(refused.stderr, r"encrypted with the key [0-9a-f]{16}, which is not among database.encryption_keys\n  cure: ")
            for key in (first, second):
                self.assertNotIn(key, refused.stdout + refused.stderr)

        self.with_keys(second, first)
        world = self.serving()
        self.assertEqual({self.pays(world, one) for one in (method, other)}, {"succeeded"})
        self.stop(world)
        told = run("db", "reencrypt").stdout
        self.assertRegex(told, r"the key [0-9a-f]{16} is needed no more")
        self.assertRegex(run("db", "reencrypt").stdout, r"payment_methods.token +0 encrypted", "nothing is done twice")

        self.with_keys(second)
        self.assertEqual(self.verified()[0], 0)
        world = self.serving()
        self.assertEqual({self.pays(world, one) for one in (method, other)}, {"succeeded"})
        ok(world.send({"id": world.unique("evt_"), "type": "method.gone", "token": later}))
        self.assertIsNone(self.method(world, other), "a method that is gone at the gateway is found by its token")
        self.stop(world)
        for token in (early, later, gone):
            self.assertFalse(self.holds(token))
            self.assertNotIn(token, self.installation.log.read_text())

    def test_a_malformed_key_is_told_with_its_place_and_not_repeated(self):
        self.with_keys("0123456789abcdef" * 3)
        refused = self.installation.run("config", "check", check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertRegex(refused.stderr + refused.stdout, r"bursar.yaml:\d+:\d+.*not an encryption key")
        self.assertIn("bursar db new-key", refused.stderr + refused.stdout)
        self.assertNotIn("0123456789abcdef", refused.stderr + refused.stdout)

    def test_a_new_key_is_one_that_the_configuration_takes(self):
        made = {subprocess.run([self.installation.binary, "db", "new-key"], check=True, capture_output=True, text=True).stdout.strip()
                for _ in range(3)}
        self.assertEqual(len(made), 3)
        self.with_keys(*made)
        self.installation.run("config", "check")


class OnSqlite(Life, unittest.TestCase):
    def emptied(self):
        """SQLite overwrites what it deletes, and takes its log in when the last process ends."""


class OnPostgresql(Life, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="bursar-api-pg.", dir="/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.cluster = Cluster(cls.folder)
        cls.number = 0

    def setUp(self):
        type(self).number += 1
        self.url = self.cluster.make(f"book_{self.number}")
        super().setUp()

    def emptied(self):
        """A dump shows only what is there."""



if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
