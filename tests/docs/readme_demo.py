"""The three months of the README, lived again: its commands are run as they stand, and what the last one prints must be the block
that follows them.

    readme_demo.py BUILD_FOLDER SOURCE_FOLDER
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def main(build: str, source: str) -> int:
    page = (Path(source) / "README.md").read_text()
    [(commands, shown)] = re.findall(r"^```sh\n(./dev build && [^`]*bursar demo run[^`]*)^```\n\n```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    with tempfile.TemporaryDirectory(prefix="bursar-readme.", dir="/tmp") as name:
        # The same places as in a checkout: the binary two folders above, the configuration three.
        folder = Path(name)
        (folder / "config").symlink_to(Path(source).resolve() / "config")
        (folder / "build").mkdir()
        for entry in Path(build).resolve().iterdir():
            if entry.name.startswith("bursar") or entry.name == "plugins":
                (folder / "build" / entry.name).symlink_to(entry)
        (folder / "build" / "try").mkdir()
        printed = ""
        for command in commands.splitlines()[1:]:
            result = subprocess.run(["bash", "-c", command], cwd=folder / "build" / "try", capture_output=True, text=True)
            printed = result.stdout
            if result.returncode != 0:
                print(f"FAIL {command}\n{result.stdout}{result.stderr}")
                return 1
    if printed == shown:
        print("the README shows what is printed")
        return 0
    print(f"FAIL the README shows\n{shown}and the commands print\n{printed}")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
