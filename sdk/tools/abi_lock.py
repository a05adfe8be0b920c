#!/usr/bin/env python3
"""Holds the layout of the ABI against sdk/abi.lock.

    abi_lock.py [--compiler CC] [--write]

abi.lock has one section per release of the ABI: every public struct with its size, every field with its offset, size and
type as it is written, every constant with its value. Without --write the headers must be equal to the last section, and
to every frozen section (draft 0) they may only have added: new structs, new constants, new fields beyond the old end of a
struct that carries struct_size, and a name for what was reserved, which every maker had to zero. A field in what was
padding before is no addition: BURSAR_HAS would find it in structs of plugins that never wrote it.

--write puts the present layout into the lock: over the last section while that is a draft or has the same version, else
as a new one. It refuses what a frozen section forbids.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

SDK = pathlib.Path(__file__).resolve().parent.parent
HEADERS = SDK / "include" / "bursar" / "abi"
LOCK = SDK / "abi.lock"

STRUCT = re.compile(r"typedef struct (bursar_\w+) \{(.*?)\n\} \1;", re.S)
ALIAS = re.compile(r"typedef (u?int\d+_t) (bursar_\w+);")
CONSTANT = re.compile(r"^#define (BURSAR_[A-Z0-9_]+) +((?:\\\n *)?)(-?\d+u?|0x[0-9a-f]+u?|\"[^\"]*\")", re.M)
# What differs from release to release by its nature.
VERSIONS = {"BURSAR_ABI_MINOR", "BURSAR_ABI_DRAFT", "BURSAR_SDK_VERSION"}


def declared(text):
    """The structs of a header as {name: [(field, type)]}, its aliases and its constants."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    structs = {}
    for name, body in STRUCT.findall(text):
        structs[name] = [field for line in body.split(";") if line.strip() for field in fields_of(" ".join(line.split()))]
    constants = {name: value for name, _, value in CONSTANT.findall(text)}
    return structs, dict((name, base) for base, name in ALIAS.findall(text)), constants


def fields_of(declaration):
    """`uint32_t a, b` is two fields, `T (*f)(X, Y)` one."""
    function = re.fullmatch(r"(.+?) ?\(\*(\w+)\)\((.*)\)", declaration)
    if function:
        return [(function[2], f"{function[1]} (*)({function[3]})")]
    first, *more = declaration.split(",")
    kind, name = re.fullmatch(r"(.+?[ *])(\w+(?:\[\d+\])?)", first.strip()).groups()
    kind = kind.strip()
    out = []
    for one in [name, *(word.strip() for word in more)]:
        array = re.fullmatch(r"(\w+)(\[\d+\])", one)
        out.append((array[1], kind + array[2]) if array else (one, kind))
    return out


def probe(structs, aliases):
    """A C program that prints what only a compiler knows."""
    lines = ["#include <stdio.h>"]
    lines += [f'#include "{path.name}"' for path in sorted(HEADERS.glob("*.h"))]
    lines.append("int main(void) {")
    for name, base in aliases.items():
        lines.append(f'  printf("alias {name} %zu {base}\\n", sizeof({name}));')
    for name, fields in structs.items():
        lines.append(f'  printf("struct {name} %zu\\n", sizeof({name}));')
        for field, kind in fields:
            lines.append(f'  printf("  %zu %zu {field} {kind}\\n", offsetof({name}, {field}), sizeof((({name}*)0)->{field}));')
    return "\n".join([*lines, "  return 0;", "}", ""])


def present(compiler):
    """(title, lines) of the headers as they are."""
    structs, aliases, constants = {}, {}, {}
    for path in sorted(HEADERS.glob("*.h")):
        found = declared(path.read_text())
        for into, more in zip((structs, aliases, constants), found):
            into.update(more)
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder, "probe.c"), pathlib.Path(folder, "probe")
        source.write_text(probe(structs, aliases))
        subprocess.run([*compiler.split(), "-std=c11", "-I", HEADERS, source, "-o", program], check=True)
        lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    lines += [f"constant {name} {value}" for name, value in sorted(constants.items()) if name not in VERSIONS]
    version = f"{constants['BURSAR_ABI_MAJOR']}.{constants['BURSAR_ABI_MINOR']}"
    return f"abi {version} draft {constants['BURSAR_ABI_DRAFT']}", lines


def sections(text):
    """[(title, lines)] of a lock."""
    out = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("abi "):
            out.append((line, []))
        else:
            out[-1][1].append(line)
    return out


def parsed(lines):
    """{struct: (size, [field line])}, and the set of all other lines by name."""
    structs, others, current = {}, {}, None
    for line in lines:
        words = line.split()
        if words[0] == "struct":
            current = structs.setdefault(words[1], (int(words[2]), []))
        elif line.startswith("  "):
            current[1].append(line.strip())
        else:
            others[words[1]] = line
    return structs, others


def named_reserve(old, new):
    (*place, name, kind), (*new_place, _, new_kind) = old.split(" ", 3), new.split(" ", 3)
    return name.startswith("reserved") and (place, kind) == (new_place, new_kind)


def breaches(old, new):
    """What a program built with `old` would trip over in `new`."""
    out = []
    old_structs, old_others = parsed(old)
    new_structs, new_others = parsed(new)
    for name, line in old_others.items():
        if new_others.get(name) != line:
            out.append(f"{line}: is now {new_others.get(name, 'gone')}")
    for name, (size, fields) in old_structs.items():
        if name not in new_structs:
            out.append(f"struct {name} is gone")
            continue
        new_size, new_fields = new_structs[name]
        for at, field in enumerate(fields):
            now = new_fields[at] if at < len(new_fields) else "- - gone -"
            if now != field and not named_reserve(field, now):
                out.append(f"struct {name}: \"{field}\" is now \"{now}\"")
                break
        else:
            grows = any(field.split()[2] == "struct_size" for field in fields)
            if not grows and (new_size, len(new_fields)) != (size, len(fields)):
                out.append(f"struct {name} has no struct_size, so it may not grow")
            for field in new_fields[len(fields):]:
                if int(field.split()[0]) < size:
                    out.append(f"struct {name}: \"{field}\" lies in the padding of the older struct, which ended at {size}")
    return out


def is_draft(title):
    return not title.endswith(" draft 0")


def faults(lock, title, lines):
    """Why the headers do not agree with the lock."""
    out = []
    for old_title, old_lines in lock:
        if not is_draft(old_title):
            out += [f"{old_title}: {breach}" for breach in breaches(old_lines, lines)]
    if out:
        return out
    if not lock or lock[-1] != (title, lines):
        old_title, old_lines = lock[-1] if lock else ("nothing", [])
        changed = [f"  - {line}" for line in old_lines if line not in lines] + [f"  + {line}" for line in lines if line not in old_lines]
        if title == old_title and is_draft(title):
            out.append("the layout changed: raise BURSAR_ABI_DRAFT, then run sdk/tools/abi_lock.py --write")
        elif title == old_title:
            out.append("the layout grew: raise BURSAR_ABI_MINOR, then run sdk/tools/abi_lock.py --write")
        else:
            out.append(f"the headers are {title}, the lock ends with {old_title}: run sdk/tools/abi_lock.py --write")
        out += changed[:40]
    return out


def written(lock, title, lines):
    """The lock with the present layout in it."""
    kept = lock[:-1] if lock and (is_draft(lock[-1][0]) or lock[-1][0] == title) else lock
    head = ["# The layout of the ABI, per release; sdk/tools/abi_lock.py writes and checks it. Offsets and sizes in bytes, 64-bit machines.", ""]
    return "\n".join(head + ["\n".join([name, *body, ""]) for name, body in [*kept, (title, lines)]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    lock = sections(LOCK.read_text()) if LOCK.exists() else []
    title, lines = present(options.compiler)
    wrong = faults(lock, title, lines)
    if options.write:
        frozen = [fault for old_title, old_lines in lock if not is_draft(old_title) for fault in breaches(old_lines, lines)]
        if frozen:
            sys.exit("\n".join(["abi.lock: refused, plugins built before would break:", *frozen]))
        LOCK.write_text(written(lock, title, lines))
        return
    if wrong:
        sys.exit("\n".join(["abi.lock:", *wrong]))


if __name__ == "__main__":
    main()
