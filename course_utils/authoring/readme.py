"""For contributors: `python -m course_utils.authoring.readme` renews the README's lesson table and its two pictures.

The table comes from course_utils/contents.py, the pictures from the explorer and from the recorded runs themselves.
"""

from __future__ import annotations

import io
import math
import sys

from course_utils.contents import LESSONS
from course_utils.files import ROOT, write_whole

README = ROOT / "README.md"
PICTURES = ROOT / "notebooks" / "pictures"
BEGIN, END = "<!-- lessons: made by python -m course_utils.authoring.readme -->", "<!-- end of lessons -->"


def lesson_table() -> str:
    """The Markdown table of all lessons that exist; planned ones in one line below it."""
    available = [entry for entry in LESSONS if entry.available]
    rows = [f"| [{entry}](notebooks/{entry.file}) | {entry.length() or 'not measured yet'} |" for entry in available]
    planned = ", ".join(str(entry) for entry in LESSONS if not entry.available)
    table = "\n".join(["| lesson | time on two laptop cores |", "|---|---|", *rows])
    return table + (f"\n\nPlanned: {planned}." if planned else "")


def renewed(text: str) -> str:
    """README text with the table between its two marks made anew. Raises ValueError if a mark is missing."""
    if BEGIN not in text or END not in text:
        raise ValueError(f"README.md lacks the line {BEGIN!r} or {END!r}; put both back around the lesson table.")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{lesson_table()}\n{END}{rest.split(END)[1]}"


def moving_picture(frames: int = 48) -> bytes:
    """The schedule explorer with its sliders moving, as an animated GIF that runs for ever."""
    from PIL import Image

    from course_utils.pictures.explore_schedules import schedule_explorer

    explorer = schedule_explorer("step_decay", "cosine", "one_cycle", T=1000, title="Three schedules under your hand")
    images = []
    for n in range(frames):
        wave = 0.5 - 0.5 * math.cos(2 * math.pi * n / frames)
        explorer.set(p=round(0.15 + 0.5 * wave, 2), drop1=round(0.2 + 0.35 * wave, 2), t=int(1000 * n / frames))
        images.append(Image.open(io.BytesIO(explorer.view.png)).convert("P", palette=Image.Palette.ADAPTIVE, colors=48))
    out = io.BytesIO()
    images[0].save(out, format="GIF", save_all=True, append_images=images[1:], duration=90, loop=0, optimize=True)
    return out.getvalue()


def recorded_picture() -> bytes:
    """Accuracy against learning rate for the optimizers of lesson 10.1.1, from the recorded runs."""
    from course_utils.pictures.run_curves import lr_axis
    from course_utils.pictures.still import png_of
    from course_utils.runs import recorded

    table = recorded("10.1.1").where(schedule="constant")
    groups = {name: table.where(optimizer=name) for name in ("sgd", "sgd+momentum", "rmsprop", "adam")}
    title = f"Every optimizer has its own best rate ({sum(map(len, groups.values()))} real runs)"
    return png_of(lr_axis(groups, title=title))


def main() -> int:
    for name, make in (("explorer.gif", moving_picture), ("optimizers.png", recorded_picture)):
        path = write_whole(PICTURES / name, make())
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")
    write_whole(README, renewed(README.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
