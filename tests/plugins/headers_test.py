"""Each header of the SDK stands alone: the ABI as C11, C17, C++17 and C++20, the wrapper as C++20, without a warning."""
import argparse
import concurrent.futures
import pathlib
import subprocess
import sys

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "sdk" / "include"
STRICT = ["-fsyntax-only", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-Werror"]
C_ONLY = ["-Wstrict-prototypes"]


def cases(c, cxx):
    for header in sorted((INCLUDE / "bursar" / "abi").glob("*.h")):
        for standard in ("c11", "c17"):
            yield [c, "-x", "c", f"-std={standard}", *C_ONLY], header
        for standard in ("c++17", "c++20"):
            yield [cxx, "-x", "c++", f"-std={standard}"], header
    for header in sorted((INCLUDE / "bursar").glob("*.hpp")):
        yield [cxx, "-x", "c++", "-std=c++20"], header


def compiled(case):
    command, header = case
    # Included, not compiled itself: a warning of its own (pragma once in the main file) must not hide the others.
    source = f'#include "{header.relative_to(INCLUDE)}"\n'
    done = subprocess.run([*command, *STRICT, "-I", INCLUDE, "-"], input=source, text=True, capture_output=True, check=False)
    return "" if done.returncode == 0 else f"{' '.join(command)} {header.name}:\n{done.stderr}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compilers", nargs=2, action="append", metavar=("CC", "CXX"), required=True)
    every = [case for pair in parser.parse_args().compilers for case in cases(*pair)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [text for text in pool.map(compiled, every) if text]
    print(f"{len(every)} compilations, {len(wrong)} failed")
    sys.exit("\n".join(wrong) if wrong else 0)


if __name__ == "__main__":
    main()
