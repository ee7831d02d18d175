"""For contributors: `python -m course_utils.authoring.claims_page` renews notebooks/all_claims.md.

The page lists every claim of every lesson as the committed notebooks print it: nothing is typed by hand.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass

import nbformat

from course_utils.claims.card import FAILS, HOLDS, OPEN
from course_utils.contents import LESSONS, NOTEBOOKS, Lesson
from course_utils.files import write_whole

PAGE = NOTEBOOKS / "all_claims.md"
SIGNS = {HOLDS: "✓ holds", FAILS: "✗ does not hold here", OPEN: "? cannot tell"}
LINE = re.compile(rf"^Claim (.+?): ({HOLDS}|{FAILS}|{OPEN}) \((.*)\)\n +measured: (.*)$", re.MULTILINE)
EXACT = "exact fact; "


@dataclass(frozen=True)
class Line:
    """A claim as a notebook prints it: "10.1.3-a: cosine beats ...", its verdict, what was asked, what was measured."""

    sentence: str
    verdict: str
    condition: str
    measured: str


def claims_of(entry: Lesson) -> list[Line]:
    """The claims in the outputs of a lesson's notebook, in their order."""
    lines = []
    for cell in nbformat.read(entry.path, as_version=4).cells:
        for output in cell.get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            lines += [Line(*parts) for parts in LINE.findall(text)]
    return lines


def page() -> str:
    """The whole page as Markdown."""
    lessons = {entry: claims_of(entry) for entry in LESSONS if entry.available}
    everything = [line for lines in lessons.values() for line in lines]
    measured = [line for line in everything if not line.condition.startswith(EXACT)]
    counts = {kind: Counter(line.verdict for line in lines) for kind, lines in (("all", everything), ("m", measured))}
    holds, fails, unsure = (counts["m"][verdict] for verdict in SIGNS)
    exact, luck = len(everything) - len(measured), 0.05 * len(measured)
    text = f"""# All claims of the course

Made by `python -m course_utils.authoring.claims_page` from the outputs of the committed lessons.

- {len(everything)} claims. {exact} are exact facts: {counts["all"][HOLDS] - holds} hold. {len(measured)} were measured:
  **{holds} hold, {fails} do not hold here, {unsure} cannot be told from these seeds.**
- The rule: a 90 % interval over seeds against a margin that was fixed before (`course_utils/claims/rule.py`).
- How many hold by luck? Had the truth been *exactly at the margin* every time, about {luck:.0f} of {len(measured)}
  would have held, one in twenty; {holds} did.
"""
    for entry, lines in lessons.items():
        if lines:
            text += f"\n## [{entry}]({entry.file})\n\n| claim | verdict | asked | measured |\n|---|---|---|---|\n"
            text += "".join(f"| {' | '.join(map(_cell, _columns(line)))} |\n" for line in lines)
    return text


def _columns(line: Line) -> tuple[str, str, str, str]:
    return line.sentence, SIGNS[line.verdict], line.condition, line.measured.split("; by seed")[0]


def _cell(words: str) -> str:
    return re.sub(r"([|*_<>])", r"\\\1", words)


def main() -> int:
    print(write_whole(PAGE, page()).name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
