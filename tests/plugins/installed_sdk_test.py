"""The SDK as a plugin's author has it.

First the commands of docs/plugin-developer/README.md are run as they stand there, on a copy of the tree that holds the SDK alone, up
to a plugin that Bursar loads. Then, outside of the tree and against the SDK that was installed so, every bundled plugin, every example
and whatever bursar-plugin-new writes is built and passes bursar-plugin-check.

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

GUIDE = pathlib.Path("docs", "plugin-developer", "README.md")
SDK_ALONE = ["CMakeLists.txt", "CMakePresets.json", "cmake", "sdk"]
# What a configuration needs beside the guide's own part.
CONFIGURATION = """\
provider: {name: Example Hosting, country: DE, timezone: Europe/Berlin, currencies: [EUR]}
database: {url: "sqlite:book.db"}
"""
KINDS = ["payment", "webhook", "panel", "notify", "frontend"]
# Where headers may come from beside the SDK and the plugin's own folder: the compiler, the C and C++ libraries,
# nlohmann-json, which is header-only and which bundled plugins and templates read JSON with, and OpenSSL, whose
# certificates the host's crypto service does not know (paypal checks PayPal's).
SYSTEM = re.compile(r"^/usr/(lib/|include/(c\+\+/|[a-z0-9_]+-linux-gnu/|linux/|asm|nlohmann/|openssl/|[^/]+$))")


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


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.S | re.M)


def follow_the_guide(tree, folder, bursar):
    """Runs the guide's commands; answers where the SDK is installed."""
    copy = folder / "tree"
    copy.mkdir()
    for name in SDK_ALONE:
        (shutil.copytree if (tree / name).is_dir() else shutil.copy)(tree / name, copy / name)
    commands = blocks(tree / GUIDE, "sh")
    if len(commands) != 3:
        raise Failed(f"{GUIDE} has {len(commands)} blocks of commands, 3 were expected")
    for command in commands:
        run("sh", "-euc", command, cwd=copy)
    place = folder / "installed-plugins"
    place.mkdir()
    shutil.copy(copy / "acme" / "build" / "acme.so", place)
    (folder / "key").write_text("sk_test")
    (folder / "key").chmod(0o600)
    configured = blocks(tree / GUIDE, "yaml")[0].replace("/usr/lib/bursar/plugins", str(place)).replace("/etc/bursar/secrets/acme", str(folder / "key"))
    (folder / "bursar.yaml").write_text(CONFIGURATION + configured)
    listed = run(bursar, "plugin", "list", "--config", folder / "bursar.yaml", cwd=folder)
    if not re.search(r"^acme +acme +loaded ", listed, re.M):
        raise Failed(f"the guide's plugin was not loaded:\n{listed}")
    shutil.rmtree(copy)  # nothing may lean on it
    return folder / "bursar-sdk"


def try_everything(tree, folder, bursar):
    prefix = follow_the_guide(tree, folder, bursar)
    jobs = []
    for source in (tree / "plugins", tree / "sdk" / "examples"):
        shutil.copytree(source, folder / source.name)
        jobs.append((folder / source.name, bundled(source)))
    for kind in KINDS:
        run(prefix / "bin" / "bursar-plugin-new", kind, f"acme-{kind}", "--in", folder)
        jobs.append((folder / f"acme-{kind}", 1))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda job: build_and_check(job[0], prefix, job[1]), jobs))
    print(f"{sum(counts)} plugins of {len(jobs)} projects built against the installed SDK and passed bursar-plugin-check")


def ccache_folder():
    """The usual one, which ccache looks for by HOME."""
    usual = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "ccache"
    return os.environ.get("CCACHE_DIR", str(usual))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tree", type=pathlib.Path, required=True)
    parser.add_argument("--bursar", type=pathlib.Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bursar-installed-sdk-") as name:
        folder = pathlib.Path(name).resolve()
        # The folder has another name each time; what is compiled in it is the same.
        os.environ.update(HOME=str(folder), CCACHE_BASEDIR=str(folder), CCACHE_NOHASHDIR="1", CCACHE_DIR=ccache_folder())
        try:
            try_everything(options.tree.resolve(), folder, options.bursar.resolve())
        except Failed as failed:
            sys.exit(str(failed))


if __name__ == "__main__":
    main()
