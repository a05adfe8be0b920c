"""The SDK as a plugin's author has it: installed by itself into a folder of its own, then, outside of the tree and against that
folder alone, every bundled plugin, every example and whatever bursar-plugin-new writes is built and passes bursar-plugin-check.

No header of the kernel, of Boost or of Poco may take part, which is read from what the compiler says it read.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

KINDS = ["payment", "webhook", "panel", "notify", "frontend"]
# Where headers may come from beside the SDK and the plugin's own folder: the compiler, the C and C++ libraries, and
# nlohmann-json, which is header-only and which bundled plugins and templates read JSON with.
SYSTEM = re.compile(r"^/usr/(lib/|include/(c\+\+/|[a-z0-9_]+-linux-gnu/|linux/|asm|nlohmann/|[^/]+$))")


class Failed(Exception):
    pass


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(str(word) for word in command)}\n{done.stdout}")
    return done.stdout


def configure(source, build, *more):
    launcher = shutil.which("ccache")
    run("cmake", "-G", "Ninja", "-S", source, "-B", build, *([f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}"] if launcher else []), *more)


def headers_read(build):
    for line in run("ninja", "-C", build, "-t", "deps").splitlines():
        if line.startswith("    "):
            yield pathlib.Path(os.path.normpath(build / line.strip()))


def build_and_check(source, prefix, expected):
    """Builds the project in `source`; answers how many plugins passed the checker."""
    build = source.parent / f"{source.name}-build"
    configure(source, build, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Debug")
    output = run("cmake", "--build", build, "--parallel", "2")
    if "warning:" in output:
        raise Failed(f"{source.name} builds with warnings:\n{output}")
    foreign = sorted({str(path) for path in headers_read(build)
                      if not path.is_relative_to(prefix) and not path.is_relative_to(source) and not SYSTEM.match(str(path))})
    if foreign:
        raise Failed(f"{source.name} reads headers that are neither the SDK's nor its own:\n" + "\n".join(foreign[:10]))
    tests = json.loads(run("ctest", "--test-dir", build, "--show-only=json-v1"))["tests"]
    checks = [test["name"] for test in tests if test["name"].startswith("plugin-check-")]
    if len(checks) < expected:
        raise Failed(f"{source.name}: {len(checks)} plugins are checked, {expected} were expected")
    run("ctest", "--test-dir", build, "--output-on-failure")
    return len(checks)


def bundled(plugins):
    text = "".join(path.read_text() for path in plugins.rglob("CMakeLists.txt"))
    return len(re.findall(r"^ *bursar_add_plugin\(", text, re.M))


def try_everything(tree, folder):
    prefix = folder / "prefix"
    configure(tree / "sdk", folder / "sdk-build", "-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_INSTALL_PREFIX={prefix}")
    run("cmake", "--build", folder / "sdk-build", "--parallel", "2")
    run("cmake", "--install", folder / "sdk-build")
    jobs = []
    for source in (tree / "plugins", tree / "sdk" / "examples"):
        shutil.copytree(source, folder / source.name)
        jobs.append((folder / source.name, bundled(source)))
    for kind in KINDS:
        run(prefix / "bin" / "bursar-plugin-new", kind, f"acme-{kind}", "--in", folder)
        jobs.append((folder / f"acme-{kind}", 1))
    shutil.rmtree(folder / "sdk-build")  # nothing may lean on it
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda job: build_and_check(job[0], prefix, job[1]), jobs))
    print(f"{sum(counts)} plugins of {len(jobs)} projects built against the installed SDK and passed bursar-plugin-check")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tree", type=pathlib.Path, required=True)
    tree = parser.parse_args().tree.resolve()
    with tempfile.TemporaryDirectory(prefix="bursar-installed-sdk-") as name:
        folder = pathlib.Path(name).resolve()
        # The folder has another name each time; what is compiled in it is the same.
        os.environ.update(CCACHE_BASEDIR=str(folder), CCACHE_NOHASHDIR="1")
        try:
            try_everything(tree, folder)
        except Failed as failed:
            sys.exit(str(failed))


if __name__ == "__main__":
    main()
