"""Every named point at which the product can be killed is in the list of a test that kills there; those tests fail at a point
that is never reached.

    points.py
"""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import panel_and_mail  # noqa: E402
import payments  # noqa: E402

KERNEL = Path(__file__).parent.parent.parent / "kernel"


def named():
    """Those of the code: each kind of effect has the points of the workers, and some places name their own."""
    text = "\n".join(path.read_text() for path in [*KERNEL.rglob("*.cpp"), *KERNEL.rglob("*.hpp")])
    kinds = re.findall(r'string_view kind\(\) const override \{ return "(\w+)"; \}', text)
    workers = (KERNEL / "effects" / "workers.cpp").read_text()
    of_workers = {point for call in re.findall(r"failpoints::reached\(.*\);", workers) for point in re.findall(r'"(\w+)"', call)}
    own = re.findall(r'failpoints::reached\("(\w+)", "(\w+)"\)', text)
    assert len(kinds) >= 10 and len(of_workers) == 6 and len(own) >= 3, (kinds, of_workers, own)
    return {f"{kind}.{point}" for kind in kinds for point in of_workers} | {f"{subject}.{point}" for subject, point in own}


def listed():
    ways = panel_and_mail.POINTS + payments.all_ways()
    return {point for way in ways for point, _ in way}


def main():
    missing, unknown = sorted(named() - listed()), sorted(listed() - named() - {"before_commit", "after_commit"})
    print("\n".join([f"no test kills at {point}" for point in missing] + [f"the product has no point {point}" for point in unknown]))
    print(f"{len(named())} points")
    return 1 if missing or unknown else 0


sys.exit(main())
