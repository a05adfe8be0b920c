"""Runs the commands of docs/portal-developer/README.md against a server of the demonstration and compares what they print with what
the page says: story_test.py BUILD_FOLDER SEED_FOLDER [--write]. With --write it puts what was printed into the page instead."""
import difflib
import re
import subprocess
import sys
from pathlib import Path

from installation import Installation

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "portal-developer" / "README.md"
ADDRESS = "http://127.0.0.1:8080"
MARK = "\x1e"


def blocks(text):
    """The console blocks: (start, end) of their inside."""
    return [match.span(1) for match in re.finditer(r"^```console\n(.*?)^```$", text, re.M | re.S)]


def commands(block):
    """[(command, output)]: a line that begins with "$ " begins a command; it goes on while it is not whole for the shell."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif not is_whole(found[-1][0]):
            found[-1][0] += "\n" + line
        else:
            found[-1][1].append(line)
    return [(command, "\n".join(output)) for command, output in found]


def is_whole(command):
    return not command.endswith("\\") and subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False).returncode == 0


def run(story, installation):
    """What each command prints, in one shell."""
    script = "set -uo pipefail\nexec 2>&1\n" + "".join(f"{command}\nprintf '{MARK}'\n" for command in story)
    script = script.replace(ADDRESS, f"http://127.0.0.1:{installation.port}")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=installation.folder, timeout=120, check=False)
    if "Traceback" in done.stdout or done.stdout.count(MARK) != len(story):
        sys.exit(f"the story broke off with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return [output.rstrip("\n") for output in done.stdout.split(MARK)[:-1]]


def comparable(text):
    """Without what differs from run to run: ids, tokens, cursors and ids of requests."""
    text = re.sub(r"\b[0-9a-f]{48}\b", "CURSOR", text)
    text = re.sub(r"\b([a-z]{2,3})_[0-9a-z]{13}\b", r"\1_ID", text)
    return re.sub(r"\b(burs|req)_\w+", r"\1_ID", text)


def main():
    installation = Installation(sys.argv[1], seed=sys.argv[2], config=ROOT / "config" / "demo.yaml", store="bursar-demo.db")
    try:
        installation.start()
        text = PAGE.read_text(encoding="utf-8")
        spans = blocks(text)
        stories = [commands(text[start:end]) for start, end in spans]
        printed = iter(run([command for story in stories for command, _ in story], installation))
        wrong, page, last = [], "", 0
        for (start, end), story in zip(spans, stories):
            page += text[last:start]
            for command, output in story:
                now = next(printed)
                page += "$ " + command + "\n" + (now + "\n" if now else "")
                if comparable(now) != comparable(output):
                    wrong.append("$ " + command)
                    wrong += difflib.unified_diff(output.splitlines(), now.splitlines(), "the page", "the server", lineterm="", n=1)
            last = end
        page += text[last:]
        count = sum(map(len, stories))
        if "--write" in sys.argv:
            PAGE.write_text(page, encoding="utf-8")
            print(f"wrote what {count} commands printed")
            return
        if wrong or count < 20:
            sys.exit("\n".join(wrong) or "the page has hardly any command")
        print(f"{count} commands printed what the page says")
    finally:
        installation.remove()


if __name__ == "__main__":
    main()
