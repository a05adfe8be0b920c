#!/usr/bin/env python3
"""Plays the stories of *.scenario files: the real binary, its public HTTP API, a moved test clock. See README.md.

    run.py BUILD_FOLDER sqlite|postgresql FILE...            compares each story with what happens
    run.py --write BUILD_FOLDER sqlite|postgresql FILE...    writes what happens into the files; read it before you keep it
"""
import difflib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "chaos")]
from book import Postgresql, Sqlite  # noqa: E402
from runner import verbs  # noqa: E402,F401  (registers the acts)
from runner.provider import Provider, Refused  # noqa: E402
from runner.story import BadStory, Step, Story  # noqa: E402
from runner.views import changes  # noqa: E402


class Mismatch(Exception):
    """Something else happened than the story tells."""


def play_step(provider: Provider, step: Step) -> list[str]:
    """What the step changed, as the lines that a story tells it with."""
    before = provider.documents()
    told = []
    try:
        if step.date:
            provider.go_to(step.date, step.how)
        else:
            verbs.act(provider, step.text)
    except Refused as refusal:
        told = [f"refused: {refusal.code}"]
    return told + provider.remarks() + changes(before, provider.documents())


def play(story: Story, provider: Provider, write: bool) -> None:
    provider.begin(story.first_date)
    for step in story.steps:
        happened = play_step(provider, step)
        if write:
            step.expected = happened
        elif happened != step.expected:
            difference = difflib.unified_diff(step.expected, happened, "the story", "what happened", lineterm="", n=20)
            raise Mismatch(f"{story.path}:{step.line}: {step.date or step.text}\n  " + "\n  ".join(difference))
    if breaches := provider.close_books():
        raise Mismatch(f"{story.path}: the books do not add up at the end:\n  " + "\n  ".join(breaches))
    if write:
        story.path.write_text(story.text())


def store_maker(kind: str, folder: Path):
    if kind == "sqlite":
        return lambda name: Sqlite(folder / name)
    server = subprocess.run([str(HERE.parent / "support" / "start-postgres.sh"), str(folder / "server"), str(os.getpid())],
                            capture_output=True, text=True)
    if server.returncode != 0:
        print(server.stderr, file=sys.stderr)
        sys.exit(1 if server.returncode == 77 and os.environ.get("BURSAR_REQUIRE_REAL_PARTS") == "1" else server.returncode)

    def make(name):
        store = Postgresql(f"host={folder / 'server'} port=5432 user=bursar", name, folder / (name + ".outside"))
        store.create()
        return store

    return make


def main(arguments: list[str]) -> int:
    write = "--write" in arguments
    build, kind, *files = [a for a in arguments if a != "--write"]
    failures = 0
    with tempfile.TemporaryDirectory(prefix="bursar-scenario.", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        make_store = store_maker(kind, folder)
        for number, file in enumerate(files):
            room = folder / f"book{number}"
            room.mkdir(mode=0o755)
            provider = Provider(Path(build).resolve(), room, make_store(room.name))
            try:
                play(Story.read(Path(file)), provider, write)
                print(f"ok    {file}", flush=True)
            except Mismatch as mismatch:
                failures += 1
                print(f"FAIL  {mismatch}", flush=True)
            except (BadStory, verbs.UnknownAct, OSError, RuntimeError, ValueError) as trouble:
                failures += 1
                print(f"FAIL  {file}: {type(trouble).__name__}: {trouble}", flush=True)
            finally:
                provider.stop()
    return 1 if failures or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
