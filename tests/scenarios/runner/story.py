"""A story as text: comments, acts and dates, each followed by what it is expected to change."""
import re
from dataclasses import dataclass, field
from pathlib import Path

_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?: (.+))?")


class BadStory(Exception):
    """The text is not a story; says where."""


@dataclass
class Step:
    """A date ("2027-01-31") that the clock is moved to, or an act ("alice orders vps-s")."""
    line: int
    text: str
    date: str = ""
    how: str = ""  # behind the date: "after downtime"
    before: list[str] = field(default_factory=list)    # comments and empty lines in front of it
    expected: list[str] = field(default_factory=list)  # details begin with two spaces

    def lines(self, indent: str) -> list[str]:
        head = f"{self.date} {self.how}".rstrip() if self.date else indent + self.text
        return [*self.before, head, *("    " + line for line in self.expected)]


def _squeeze(line: str) -> str:
    """Columns may be laid out freely; only whether a line is a detail is told by its indent."""
    text = re.sub(r"  +", " ", line.strip())
    return ("  " if len(line) - len(line.lstrip()) > 4 else "") + text


@dataclass
class Story:
    path: Path
    steps: list[Step]
    after: list[str]  # comments behind the last step

    @property
    def first_date(self) -> str:
        return next(step.date for step in self.steps if step.date)

    @staticmethod
    def read(path: Path) -> "Story":
        steps: list[Step] = []
        waiting: list[str] = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            indent = len(line) - len(line.lstrip())
            if not line.strip() or line.lstrip().startswith("#"):
                waiting.append(line)
            elif indent >= 4:
                if not steps:
                    raise BadStory(f"{path}:{number}: nothing has happened yet that this could follow from")
                steps[-1].expected.append(_squeeze(line))
            else:
                steps.append(Story._step(path, number, line, indent, waiting))
                waiting = []
        if not any(step.date for step in steps):
            raise BadStory(f"{path}: a story needs a date")
        return Story(path, steps, waiting)

    @staticmethod
    def _step(path: Path, number: int, line: str, indent: int, before: list[str]) -> Step:
        date = _DATE.fullmatch(line.strip())
        if date and indent == 0:
            return Step(number, "", date.group(1), date.group(2) or "", before)
        if indent not in (0, 2):
            raise BadStory(f"{path}:{number}: acts are indented by two spaces, what they change by four")
        return Step(number, line.strip(), before=before)

    def text(self) -> str:
        lines: list[str] = []
        indent = ""
        for step in self.steps:
            indent = "  " if step.date else indent
            lines += step.lines(indent)
        return "\n".join(lines + self.after) + "\n"
