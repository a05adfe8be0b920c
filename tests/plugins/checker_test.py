"""Each check of bursar-plugin-check fails for the plugin that breaks its rule, and none for the plugins that break none.

A row: the fixture, its `fault`, whether it asks a provider, and the check that must catch it. A check that no row names is
found by the last test, so none can be added without a plugin that it catches.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import unittest

OPTIONS = argparse.Namespace(checker="", fixtures=pathlib.Path())

OFFLINE, ONLINE = "false", "true"
FAULTS = [
    ("breaks_gateway", "other_reference", OFFLINE, "money.same_key"),
    ("breaks_gateway", "refused_is_unknown", ONLINE, "money.refused"),
    ("breaks_gateway", "unknown_is_declined", ONLINE, "money.misfortunes"),
    ("breaks_gateway", "acts_late", ONLINE, "money.late"),
    ("breaks_gateway", "one_reference", OFFLINE, "money.references"),
    ("breaks_gateway", "overflows", OFFLINE, "money.amounts"),
    ("breaks_gateway", "no_utf8", OFFLINE, "money.amounts"),
    ("breaks_gateway", "invents", OFFLINE, "money.lookup"),
    ("breaks_gateway", "refunds_twice", OFFLINE, "money.refund"),
    ("breaks_gateway", "refunds_more", OFFLINE, "money.refund"),
    ("breaks_gateway", "throws_at_fuzz", ONLINE, "money.fuzz"),
    ("breaks_gateway", "setup_takes_money", OFFLINE, "money.setup"),
    ("breaks_gateway", "setup_twice", OFFLINE, "money.setup"),
    ("breaks_gateway", "setup_declines", ONLINE, "money.setup_misfortunes"),
    ("breaks_gateway", "globals", OFFLINE, "lifecycle.nothing_shared"),
    ("breaks_gateway", "mixes", OFFLINE, "hygiene.concurrent"),
    ("breaks_gateway", "leaks_secret", OFFLINE, "hygiene.secrets"),
    ("breaks_gateway", "believes", OFFLINE, "webhook.unsigned"),
    ("breaks_gateway", "believes", OFFLINE, "webhook.huge"),
    ("breaks_gateway", "believes_signed", OFFLINE, "webhook.fuzz"),
    ("breaks_service", "duplicates", OFFLINE, "panel.create_twice"),
    ("breaks_service", "task_when_done", OFFLINE, "panel.operations"),
    ("breaks_service", "outcome_77", OFFLINE, "panel.operations"),
    ("breaks_service", "refuses_absent", OFFLINE, "panel.repeated"),
    ("breaks_service", "ends_otherwise", OFFLINE, "panel.repeated"),
    ("breaks_service", "panel_lies", ONLINE, "panel.misfortunes"),
    ("breaks_service", "outcome_77", OFFLINE, "notify.send"),
    ("breaks_service", "channel_lies", ONLINE, "notify.misfortunes"),
    ("breaks_service", "bad_mount", OFFLINE, "frontend.folder"),
    ("breaks_service", "no_folder", OFFLINE, "frontend.folder"),
    ("breaks_service", "always_good", OFFLINE, "health.check"),
    ("breaks_service", "leaves_thread", OFFLINE, "lifecycle.open_close"),
    ("breaks_service", "needs_silently", OFFLINE, "negotiation.absent_services"),
    ("exports_more", "", "", "load.exports"),
    ("loading_prints", "", "", "load.quiet"),
    ("loading_starts_thread", "", "", "load.quiet"),
    ("loading_changes_entry", "", "", "load.twice"),
    ("loading_bad_id", "", "", "descriptor.identity"),
    ("loading_untyped_secret", "", "", "descriptor.settings"),
    ("bad_descriptor", "", "", "descriptor.settings"),
    ("loading_answers_trailing", "", "", "negotiation.unknown_ids"),
    ("loading_no_lookup", "", "", "money.table"),
    ("layout_writes", "", "", "negotiation.small_result"),
    ("layout_reads", "", "", "negotiation.small_request"),
    ("throws_in_constructor", "", "", "lifecycle.two_instances"),
    ("traps", "", "", "lifecycle.open_close"),
    ("exits", "", "", "money.same_key"),
    ("hangs", "", "", "money.same_key"),
    ("wrong_magic", "", "", "load.twice"),
    ("future_minor", "", "", "load.twice"),
    ("other_draft", "", "", "load.twice"),
    ("short_struct", "", "", "load.twice"),
    ("null_entry", "", "", "load.twice"),
    ("old_major", "", "", "load.exports"),
    ("missing_symbol", "", "", "load.exports"),
    ("null_table", "", "", "negotiation.unknown_ids"),
]


def check(fixture, fault, online, *more):
    """(whether it is good, {check: (verdict, text)})."""
    settings = [f"--setting=fault={fault}", f"--setting=online={online}"] if fault else []
    command = [OPTIONS.checker, str(OPTIONS.fixtures / f"{fixture}.so"), "--json", "--timeout=2", *more]
    words = [word for option in [*settings, *command[2:]] for word in option.split("=", 1)]
    done = subprocess.run([*command[:2], *words], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["good"] == (done.returncode == 0), done
    return report["good"], {one["name"]: (one["verdict"], one["text"]) for one in report["checks"]}


class Checker(unittest.TestCase):
    def test_each_fault_is_caught_by_the_check_for_it(self):
        for fixture, fault, online, name in FAULTS:
            with self.subTest(fixture=fixture, fault=fault, check=name):
                good, checks = check(fixture, fault, online, f"--only={name}")
                self.assertFalse(good, checks)
                self.assertIn(checks[name][0], ("fail", "crash"), checks)

    def test_plugins_that_break_no_rule_pass(self):
        for fixture, fault, online in [("breaks_gateway", "none", OFFLINE), ("breaks_gateway", "none", ONLINE),
                                       ("breaks_service", "none", OFFLINE), ("breaks_service", "none", ONLINE)]:
            with self.subTest(fixture=fixture, online=online):
                good, checks = check(fixture, fault, online)
                self.assertTrue(good, {name: verdict for name, verdict in checks.items() if verdict[0] in ("fail", "crash")})

    def test_no_check_is_without_a_plugin_that_it_catches(self):
        listed = subprocess.run([OPTIONS.checker, "--list"], capture_output=True, text=True, check=True).stdout
        names = {line.split(":")[0] for line in listed.splitlines()}
        self.assertEqual(names, {name for _, _, _, name in FAULTS})

    def test_a_failure_is_the_same_for_the_same_seed(self):
        first = check("breaks_gateway", "throws_at_fuzz", ONLINE, "--only=money.fuzz", "--seed=7")
        self.assertEqual(first, check("breaks_gateway", "throws_at_fuzz", ONLINE, "--only=money.fuzz", "--seed=7"))

    def test_in_process_gives_the_same_verdicts(self):
        apart = check("breaks_gateway", "none", OFFLINE, "--only=money")
        self.assertEqual(apart, check("breaks_gateway", "none", OFFLINE, "--only=money", "--in-process"))

    def test_wrong_use_is_told_apart_from_a_bad_plugin(self):
        for words in ([], ["--nonsense"], ["/nonexistent.so"], ["--setting", "novalue", "x.so"], ["--only", "no.such.check", str(OPTIONS.fixtures / "good.so")]):
            with self.subTest(words=words):
                done = subprocess.run([OPTIONS.checker, *words], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--checker", required=True)
    parser.add_argument("--fixtures", type=pathlib.Path, required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=1)
