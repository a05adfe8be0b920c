#!/usr/bin/env python3
"""Every rule finds what it is for, and leaves comments, literals and good code alone."""
import unittest

import lint
import rules


def breaches(path, text):
    return [message for _, message in lint.check_file(path, text)]


class WordRules(unittest.TestCase):
    def test_each_rule_finds_its_example(self):
        for rule in rules.WORDS:
            prefix = rule["paths"][0] or "kernel/"
            path = prefix + "ledger/x.cpp"
            found = [m for m in breaches(path, rule["bad"] + "\n") if m.startswith(rule["name"])]
            self.assertTrue(found, rule["name"])

    def test_code_rules_leave_comments_and_literals_alone(self):
        text = '// never a double, nor new things\n/* std::stoi( */ auto a = "new Widget()"; auto b = R"(delete x;)"; int c = 1\'000;\n'
        self.assertEqual(breaches("kernel/ledger/x.cpp", text), [])

    def test_good_code_passes(self):
        text = "Foo(const Foo&) = delete;\nauto p = std::make_unique<Foo>();\nreturn std::unique_ptr<A>(\n  new A(x));\nint renewal = new_id();\ntx.time(0);\n"
        self.assertEqual(breaches("kernel/ledger/x.cpp", text), [])

    def test_empty_handlers_over_lines(self):
        self.assertTrue(breaches("kernel/ledger/x.cpp", "try { f(); } catch (const std::exception&) {\n}\n"))
        self.assertEqual(breaches("kernel/ledger/x.cpp", "try { f(); } catch (const std::exception&) { throw; }\n"), [])


class Arrows(unittest.TestCase):
    def test_the_table_has_no_circle(self):
        above = []
        for folder, allowed in rules.FOLDERS.items():
            for target in allowed:
                self.assertIn(target, above + ["app.hpp"], folder)
            above.append(folder)

    def test_a_folder_includes_only_what_lies_above(self):
        self.assertTrue(breaches("kernel/ledger/x.cpp", '#include "invoicing/engine.hpp"\n'))
        self.assertTrue(breaches("kernel/base/x.cpp", '#include "storage/database.hpp"\n'))
        self.assertTrue(breaches("kernel/base/x.cpp", '#include "money.hpp"\n'))
        self.assertEqual(breaches("kernel/payments/x.cpp", '#include "invoicing/engine.hpp"\n#include "payments/y.hpp"\n'), [])

    def test_the_abi_is_for_the_plugin_host_alone(self):
        self.assertTrue(breaches("kernel/payments/x.cpp", "#include <bursar/abi/entry.h>\n"))
        self.assertTrue(breaches("kernel/plugin_host/x.cpp", "#include <bursar/plugin.hpp>\n"))
        self.assertEqual(breaches("kernel/plugin_host/x.cpp", "#include <bursar/abi/entry.h>\n"), [])

    def test_plugins_know_the_sdk_alone(self):
        self.assertTrue(breaches("plugins/gateways/x/src/x.cpp", '#include "base/money.hpp"\n'))
        self.assertEqual(breaches("plugins/gateways/x/src/x.cpp", '#include <bursar/payment.hpp>\n#include "x.hpp"\n'), [])

    def test_cmake_lists_follow_the_arrows(self):
        self.assertTrue(breaches("kernel/ledger/CMakeLists.txt", "bursar_library(ledger SOURCES a.cpp DEPENDS base payments)\n"))
        self.assertEqual(breaches("kernel/ledger/CMakeLists.txt", "bursar_library(ledger SOURCES a.cpp DEPENDS base storage)\n"), [])


class Files(unittest.TestCase):
    def test_composed_sql_is_for_named_files(self):
        self.assertTrue(breaches("kernel/ledger/x.cpp", "auto s = Sql::composed(t);\n"))
        self.assertEqual(breaches("kernel/storage/x.cpp", "auto s = Sql::composed(t);\n"), [])

    def test_long_files_and_headers_without_guard(self):
        self.assertTrue(breaches("kernel/ledger/x.cpp", "\n" * 601))
        self.assertTrue(breaches("kernel/ledger/x.hpp", "int x;\n"))

    def test_dead_links(self):
        self.assertTrue(breaches("docs/x.md", "see [there](nowhere.md)\n"))
        self.assertEqual(breaches("docs/x.md", "see [there](https://example.com/x)\n```\n[a](b)\n```\n"), [])


if __name__ == "__main__":
    unittest.main()
