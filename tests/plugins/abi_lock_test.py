"""The rules of sdk/tools/abi_lock.py, each tried on a layout that breaks it."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "sdk" / "tools"))
import abi_lock  # noqa: E402

FROZEN = "abi 1.0 draft 0"
DRAFT = "abi 1.0 draft 3"
OLD = """\
alias bursar_color 4 int32_t
struct bursar_grows 24
  0 4 struct_size uint32_t
  4 4 reserved uint32_t
  8 8 amount int64_t
  16 4 color bursar_color
struct bursar_stays 16
  0 8 first int64_t
  8 8 second int64_t
constant BURSAR_RED 1
constant BURSAR_THING_ID "bursar.thing/1"
""".splitlines()


def changed(old, new):
    text = "\n".join(OLD)
    assert text.count(old) == 1, old
    return text.replace(old, new).splitlines()


class Frozen(unittest.TestCase):
    def refused(self, old, new, words):
        faults = abi_lock.faults([(FROZEN, OLD)], "abi 1.1 draft 0", changed(old, new))
        self.assertTrue(any(words in fault for fault in faults), faults)

    def passes(self, old, new):
        lines = changed(old, new)
        lock = abi_lock.sections(abi_lock.written([(FROZEN, OLD)], "abi 1.1 draft 0", lines))
        self.assertEqual([title for title, _ in lock], [FROZEN, "abi 1.1 draft 0"])
        self.assertEqual(abi_lock.faults(lock, "abi 1.1 draft 0", lines), [])

    def test_field_at_the_tail_passes(self):
        self.passes("bursar_grows 24", "bursar_grows 32\n  0 4 struct_size uint32_t\n  4 4 reserved uint32_t\n  8 8 amount int64_t\n"
                    "  16 4 color bursar_color\n  24 8 more int64_t\nstruct bursar_other 24")

    def test_new_constant_struct_and_alias_pass(self):
        self.passes("constant BURSAR_RED 1", "struct bursar_new 4\n  0 4 x int32_t\nconstant BURSAR_RED 1\nconstant BURSAR_BLUE 2")

    def test_reserve_may_get_a_name(self):
        self.passes("4 4 reserved uint32_t", "4 4 flags uint32_t")

    def test_field_in_the_old_padding_is_refused(self):
        self.refused("16 4 color bursar_color", "16 4 color bursar_color\n  20 4 more uint32_t", "padding")

    def test_field_in_between_is_refused(self):
        self.refused("  8 8 amount int64_t", "  8 8 more int64_t\n  16 8 amount int64_t", '"8 8 amount int64_t" is now "8 8 more int64_t"')

    def test_lost_field_is_refused(self):
        self.refused("\n  16 4 color bursar_color", "", "gone")

    def test_other_type_of_the_same_size_is_refused(self):
        self.refused("8 8 amount int64_t", "8 8 amount uint64_t", "is now")

    def test_reserve_may_not_change_its_size(self):
        self.refused("4 4 reserved uint32_t", "4 2 flags uint16_t", "is now")

    def test_struct_without_size_may_not_grow(self):
        self.refused("struct bursar_stays 16\n  0 8 first int64_t\n  8 8 second int64_t",
                     "struct bursar_stays 24\n  0 8 first int64_t\n  8 8 second int64_t\n  16 8 third int64_t", "may not grow")

    def test_lost_struct_is_refused(self):
        self.refused("struct bursar_stays 16\n  0 8 first int64_t\n  8 8 second int64_t\n", "", "bursar_stays is gone")

    def test_other_value_of_a_constant_is_refused(self):
        self.refused("BURSAR_RED 1", "BURSAR_RED 2", "is now constant BURSAR_RED 2")

    def test_same_version_may_not_grow(self):
        faults = abi_lock.faults([(FROZEN, OLD)], FROZEN, [*OLD, "constant BURSAR_BLUE 2"])
        self.assertIn("raise BURSAR_ABI_MINOR", faults[0])

    def test_every_frozen_release_counts_and_not_the_last_alone(self):
        lock = [("abi 1.0 draft 0", [*OLD, "constant BURSAR_BLUE 2"]), ("abi 1.1 draft 0", OLD)]
        self.assertIn("BURSAR_BLUE", abi_lock.faults(lock, "abi 1.1 draft 0", OLD)[0])


class Draft(unittest.TestCase):
    def test_changed_layout_wants_another_draft_number(self):
        self.assertIn("raise BURSAR_ABI_DRAFT", abi_lock.faults([(DRAFT, OLD)], DRAFT, changed("BURSAR_RED 1", "BURSAR_RED 2"))[0])

    def test_draft_is_written_over(self):
        lock = abi_lock.sections(abi_lock.written([(DRAFT, OLD)], "abi 1.0 draft 4", OLD))
        self.assertEqual(lock, [("abi 1.0 draft 4", OLD)])

    def test_lock_of_another_draft_is_stale(self):
        self.assertIn("--write", abi_lock.faults([(DRAFT, OLD)], "abi 1.0 draft 4", OLD)[0])


class Reading(unittest.TestCase):
    def test_reads_fields_functions_arrays_and_comments(self):
        structs, aliases, constants = abi_lock.declared("""
#define BURSAR_A 1u /* one */
#define BURSAR_B \\
  4 /* on the next line */
#define BURSAR_C_ID "bursar.c/1"
typedef int32_t bursar_kind;
typedef struct bursar_x {
  uint32_t struct_size; /* { not a body } */
  int64_t high, low;
  char currency[8];
  const bursar_y* items;
  bursar_status (*go)(bursar_plugin*, const bursar_y*,
                      int32_t);
} bursar_x;
""")
        self.assertEqual(constants, {"BURSAR_A": "1u", "BURSAR_B": "4", "BURSAR_C_ID": '"bursar.c/1"'})
        self.assertEqual(aliases, {"bursar_kind": "int32_t"})
        self.assertEqual(structs, {"bursar_x": [
            ("struct_size", "uint32_t"), ("high", "int64_t"), ("low", "int64_t"), ("currency", "char[8]"), ("items", "const bursar_y*"),
            ("go", "bursar_status (*)(bursar_plugin*, const bursar_y*, int32_t)")]})

    def test_nothing_of_the_headers_is_overlooked(self):
        text = "".join(path.read_text() for path in abi_lock.HEADERS.glob("*.h"))
        structs, aliases, constants = abi_lock.declared(text)
        self.assertEqual(len(structs), text.count("typedef struct bursar_") - text.count("typedef struct bursar_plugin bursar_plugin;"))
        self.assertEqual(len(aliases), text.count("typedef int32_t ") + text.count("typedef int64_t "))
        guards = text.count("#ifndef BURSAR_ABI_")
        macros = 4  # BURSAR_HAS, BURSAR_LITERAL, BURSAR_EXPORT twice
        self.assertEqual(len(constants), text.count("#define BURSAR_") - guards - macros)
        self.assertGreater(len(constants), 100)


if __name__ == "__main__":
    unittest.main()
