"""The provider's first page, followed to the letter: its configuration is written to bursar.yaml, its commands are run in their
order, and each must end well.

    provider_commands.py BUILD_FOLDER PAGE
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def main(build: str, page_file: str) -> int:
    page = Path(page_file).read_text()
    environment = {**os.environ, "PATH": f"{Path(build).resolve()}:{os.environ['PATH']}"}
    failed, tried = 0, 0
    with tempfile.TemporaryDirectory(prefix="bursar-docs.", dir="/tmp") as folder:
        [configuration] = blocks(page, "yaml")
        (Path(folder) / "bursar.yaml").write_text(configuration)
        for command in (line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()):
            tried += 1
            result = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
            print(f"{'ok  ' if result.returncode == 0 else 'FAIL'} {command}")
            if result.returncode != 0:
                failed += 1
                print(result.stdout + result.stderr)
    if tried < 10:
        print(f"FAIL only {tried} commands were found on the page")
    return 1 if failed or tried < 10 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
