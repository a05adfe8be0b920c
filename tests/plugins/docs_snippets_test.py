"""What the pages for plugin developers quote is what is compiled.

A block after `<!-- from FILE -->` stands in that file, line for line. Every block of C++ has such a line before it.
"""
import pathlib
import re
import sys
import textwrap
import unittest

TREE = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(?:<!-- from (\S+) -->\n)?```cpp\n(.*?)^```$", re.S | re.M)


def quoted(pages):
    for page in pages:
        for source, text in BLOCK.findall(page.read_text()):
            yield page.relative_to(TREE), source, text


def stands_in(source, text):
    """Whether the block's lines follow each other in the source, all of them as far to the right or left."""
    lines = textwrap.dedent(text).rstrip("\n").split("\n")
    of_source = source.split("\n")
    for at in range(len(of_source) - len(lines) + 1):
        if textwrap.dedent("\n".join(of_source[at:at + len(lines)])) == "\n".join(lines):
            return True
    return False


class Quotes(unittest.TestCase):
    def test_every_block_is_compiled_code(self):
        blocks = list(quoted(sorted((TREE / "docs" / "plugin-developer").glob("*.md"))))
        self.assertGreater(len(blocks), 8)
        for page, source, text in blocks:
            with self.subTest(page=str(page), begins=text.split("\n", maxsplit=1)[0]):
                self.assertTrue(source, "no <!-- from FILE --> line stands before it")
                self.assertTrue(stands_in((TREE / source).read_text(), text), f"{source} has it otherwise")

    def test_a_changed_line_is_noticed(self):
        source = "class A {\n  int f() {\n    return 1;\n  }\n};\n"
        self.assertTrue(stands_in(source, "int f() {\n  return 1;\n}\n"))
        self.assertFalse(stands_in(source, "int f() {\n  return 2;\n}\n"))
        self.assertFalse(stands_in(source, "int f() {\nreturn 1;\n}\n"))


if __name__ == "__main__":
    sys.exit(unittest.main())
