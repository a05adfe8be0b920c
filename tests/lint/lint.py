#!/usr/bin/env python3
"""Checks of the tree that a compiler does not make. Usage: lint.py FOLDER. Prints each breach with its cure."""
import os
import re
import subprocess
import sys

import rules

CODE = (".cpp", ".hpp", ".h", ".c")
TEXT = CODE + (".py", ".sh", ".md", ".yaml", ".yml", ".sql", ".txt", ".cmake", ".json", ".js", ".html", ".css", ".in")


def strip_code(text):
    """Blanks comments and the inside of literals; keeps the lines where they are."""
    out = []
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\s]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)
    last = 0
    for match in pattern.finditer(text):
        out.append(text[last:match.start()])
        body = match.group(0)
        include = text.rfind("\n", 0, match.start()) + 1
        is_include = text[include:match.start()].strip().startswith("#include")
        out.append(body if is_include else re.sub(r"[^\n]", " ", body))
        last = match.end()
    out.append(text[last:])
    return "".join(out)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def applies(rule, path):
    return any(path.startswith(p) for p in rule["paths"]) and not any(path.startswith(p) for p in rule["but"])


def check_words(path, text, code):
    for rule in rules.WORDS:
        if not applies(rule, path):
            continue
        if not rule.get("raw") and not path.endswith(CODE):
            continue
        where = text if rule.get("raw") else code
        if rule.get("allow"):
            where = re.sub(rule["allow"], lambda m: re.sub(r"[^\n]", " ", m.group(0)), where)
        for match in re.finditer(rule["pattern"], where):
            yield line_of(where, match.start()), f"{rule['name']}: '{match.group(0).strip()}'. Instead: {rule['cure']}."


def check_kernel_include(path, include):
    parts = path.split("/")
    folder = parts[1] if len(parts) > 2 else None
    if include.startswith("<bursar/"):
        if folder not in rules.ABI_FOLDERS or not include.startswith("<bursar/abi/"):
            return "only kernel/plugin_host includes the SDK, and of it only <bursar/abi/...>"
        return None
    if include.startswith("<"):
        return None
    if folder is None:  # app and main: the composition root
        return None
    target = include.strip('"').split("/")[0]
    if folder not in rules.FOLDERS:
        return f"kernel/{folder} has no line in tests/lint/rules.py: give it its place among the arrows"
    if target not in rules.FOLDERS and target not in rules.FOLDERS[folder]:
        return 'an include names its folder: "base/money.hpp"'
    if target != folder and target not in rules.FOLDERS[folder]:
        return f"kernel/{folder} may not depend on {target} (the arrows are in tests/lint/rules.py)"
    return None


def check_includes(path, text):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(<[^>\n]+>|"[^"\n]+")', text, re.M):
        include = match.group(1)
        problem = None
        if path.startswith("kernel/"):
            problem = check_kernel_include(path, include)
        elif path.startswith(("plugins/", "sdk/")):
            target = include.strip('<>"').split("/")[0]
            if target in rules.FOLDERS or target == "kernel" or include == '"app.hpp"':
                problem = "plugins and the SDK know nothing of the kernel; plugins include <bursar/...> only"
        if problem:
            yield line_of(text, match.start()), f"{include}: {problem}."


def check_cmake_depends(path, text):
    match = re.fullmatch(r"kernel/(\w+)/CMakeLists\.txt", path)
    if not match or match.group(1) not in rules.FOLDERS:
        return
    folder = match.group(1)
    for depends in re.finditer(r"bursar_library\([^)]*?DEPENDS\s+([a-z_\s]+)", text):
        for target in depends.group(1).split():
            if target not in rules.FOLDERS[folder] and target != "app":
                yield line_of(text, depends.start()), f"kernel/{folder} may not depend on {target} (tests/lint/rules.py)."


def check_file(path, text):
    code = strip_code(text) if path.endswith(CODE) else text
    yield from check_words(path, text, code)
    if path.endswith(CODE):
        yield from check_includes(path, text)
        if path.endswith(".hpp") and "#pragma once" not in text:
            yield 1, "a header without #pragma once."
        if "Sql::composed" in code and not any(path.startswith(p) for p in rules.COMPOSED_SQL):
            yield line_of(code, code.index("Sql::composed")), (
                "Sql::composed: only the files named in tests/lint/rules.py put SQL together; write the statement out.")
        lines = text.count("\n")
        if lines > rules.MOST_LINES and path not in rules.LONG_FILES:
            yield lines, f"{lines} lines. Think of a seam; if there is none, name the file in tests/lint/rules.py with the reason."
    yield from check_cmake_depends(path, text)
    if path.endswith(".md"):
        yield from check_markdown(path, text)


def check_markdown(path, text):
    fenced = re.sub(r"```.*?```", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)
    for match in re.finditer(r"\[[^\]\n]*\]\(([^)\s#]+)(#[^)\s]*)?\)", fenced):
        target = match.group(1)
        if re.match(r"[a-z]+:", target):
            continue
        if not os.path.exists(os.path.join(os.path.dirname(path), target)):
            yield line_of(fenced, match.start()), f"the link {target} leads nowhere."


def check_tree(paths):
    numbers = sorted(int(m.group(1)) for p in paths if (m := re.match(r"kernel/storage/migrations/(\d{4})_\w+\.sql$", p)))
    if numbers != list(range(1, len(numbers) + 1)):
        yield "kernel/storage/migrations", 1, f"migrations are numbered without gap or double: {numbers}."
    for rule in rules.LONG_FILES:
        if rule not in paths:
            yield "tests/lint/rules.py", 1, f"{rule} is named among the long files and does not exist."


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [p for p in listed.stdout.decode().split("\0") if p and os.path.isfile(p)]
    found = []
    for folder, folders, files in os.walk("."):
        folders[:] = [f for f in folders if not f.startswith((".", "build"))]
        found += [os.path.relpath(os.path.join(folder, f), ".") for f in files]
    return found


def main():
    os.chdir(sys.argv[1])
    paths = tracked_files()
    breaches = [(place, line, text) for place, line, text in check_tree(paths)]
    for path in paths:
        if not path.endswith(TEXT) and os.path.basename(path) not in ("dev", "run"):
            continue
        with open(path, encoding="utf-8") as file:
            breaches += [(path, line, text) for line, text in check_file(path, file.read())]
    for path, line, text in sorted(breaches):
        print(f"{path}:{line}: {text}")
    print(f"{len(paths)} files, {len(breaches)} breaches")
    return 1 if breaches or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
