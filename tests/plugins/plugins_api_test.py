"""Plugin instances through the API and the command line of the real binary: several of one plugin, one that is broken, and what a
form shows of their settings."""
import pathlib
import shutil
import sys
import tempfile
import types
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
sys.path[:0] = [str(HERE.parent / "scenarios"), str(HERE.parent / "chaos")]
from runner.provider import Provider, Refused  # noqa: E402

CANARY = "canary-90210-secret"


class Plugins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="bursar-plugins-api-")
        folder = pathlib.Path(cls.folder.name)
        plugins = folder / "plugins"
        plugins.mkdir()
        for file in [*(BUILD / "plugins").glob("*.so"), *(BUILD / "fixtures" / f"{name}.so" for name in ("wrong_magic", "breaks_gateway", "traps"))]:
            shutil.copy(file, plugins)
        secret = folder / "secret"
        secret.write_text(CANARY)
        secret.chmod(0o600)
        cls.provider = Provider(BUILD, folder, types.SimpleNamespace(url=f"sqlite:{folder}/book.db"))
        for key, value in {
            "directory": f'"{plugins}"',
            "instances.cards": "{plugin: sandbox, config: {display_name: First account}}",
            "instances.second": "{plugin: sandbox, config: {display_name: Second account, settle_after: 1m}}",
            "instances.broken": "{plugin: wrong_magic}",
            "instances.crashing": "{plugin: traps}",
            "instances.misspelt": "{plugin: sandbox, config: {behavior: success}}",
            "instances.secretive": f'{{plugin: breaks_gateway, config: {{fault: none, secret: "${{file:{secret}}}"}}}}',
        }.items():
            cls.provider.set(f"plugins.{key}", value)
        cls.provider.begin("2026-01-05")

    @classmethod
    def tearDownClass(cls):
        cls.provider.stop()
        cls.folder.cleanup()

    def read(self, instance):
        return self.provider.call("GET", f"/plugins/{instance}")

    def test_several_instances_of_one_plugin_stand_side_by_side(self):
        first, second = self.read("cards"), self.read("second")
        self.assertEqual([first["state"], second["state"]], ["loaded", "loaded"])
        self.assertEqual(first["id"], second["id"])
        names = {one["instance"]: one["display_name"] for one in self.provider.call("GET", "/gateways")["data"]}
        self.assertEqual(names["cards"], "First account")
        self.assertEqual(names["second"], "Second account")

    def test_broken_ones_are_disabled_alone_with_cause_and_cure(self):
        listed = {one["instance"]: one for one in self.provider.call("GET", "/plugins")["data"]}
        words = {"broken": "wrong_magic.so", "crashing": "traps.so", "misspelt": 'Did you mean \"behaviour\"?'}
        told = self.provider.command("plugin", "list", check=False).stdout
        for instance, word in words.items():
            self.assertEqual(listed[instance]["state"], "disabled")
            self.assertIn(word, listed[instance]["cause"])
            self.assertTrue(listed[instance]["cure"])
            self.assertIn(word, told)
            self.assertIn(listed[instance]["cure"], told)
        self.assertEqual({name for name, one in listed.items() if one["state"] != "loaded"}, set(words))

    def test_form_has_the_table_and_what_is_written(self):
        settings = {one["key"]: one for one in self.read("second")["settings"]}
        self.assertEqual(list(settings), ["behaviour", "settle_after", "latency", "display_name", "webhook_secret", "webhook_tolerance",
                                          "book_file"])
        behaviour = settings["behaviour"]
        self.assertEqual((behaviour["type"], behaviour["written"], behaviour["value"], behaviour["default"]), ("choice", False, None, "success"))
        self.assertIn({"value": "decline_soft", "label": "Decline, may pass later"}, behaviour["choices"])
        self.assertEqual((settings["settle_after"]["written"], settings["settle_after"]["value"]), (True, "1m"))
        self.assertTrue(settings["settle_after"]["help"])
        self.assertEqual(settings["display_name"]["value"], "Second account")
        self.assertEqual(settings["display_name"]["maximum"], 80)

    def test_form_of_a_disabled_instance_can_mend_it(self):
        self.assertIn("behaviour", [one["key"] for one in self.read("misspelt")["settings"]])

    def test_secrets_are_said_to_be_written_and_not_what_they_are(self):
        secretive = self.read("secretive")
        self.assertEqual(secretive["state"], "loaded", secretive["cause"])
        secret = next(one for one in secretive["settings"] if one["key"] == "secret")
        self.assertEqual((secret["type"], secret["written"], secret["value"]), ("secret", True, None))
        everything = str(secretive) + str(self.provider.call("GET", "/plugins")["data"]) + self.provider.command("plugin", "list", check=False).stdout
        self.assertNotIn(CANARY, everything)

    def test_an_instance_that_is_not_configured_is_not_found(self):
        with self.assertRaises(Refused):
            self.read("nobody")


if __name__ == "__main__":
    unittest.main()
