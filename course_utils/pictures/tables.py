"""Tables with alt text: real HTML for reading, a drawn one as still image."""

from __future__ import annotations

import html
from collections.abc import Sequence

import ipywidgets as widgets
from matplotlib.figure import Figure

from course_utils.pictures import style
from course_utils.pictures.numbers import cell
from course_utils.pictures.outputs import sendable
from course_utils.pictures.still import Still, png_of


def table(rows: Sequence[Sequence], header: Sequence[str], *, title: str, note: str = "") -> Still:
    """A table: real HTML for reading, a drawn one as still image. Floats get four digits, None a dash.

    rows: one sequence a row, as long as header. Raises ValueError for a row of another length.
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"row {list(row)} has {len(row)} cells, the header {len(header)}: {list(header)}")
    title, note, *header = map(sendable, (title, note, *header))
    text = [[sendable(cell(value)) for value in row] for row in rows]
    png = png_of(_drawn_table(text, header, title, note))
    box = widgets.VBox([widgets.HTML(_html_table(text, header, title, note))])
    alt = f"{title}. " + "; ".join(f"{row[0]}: {', '.join(row[1:])}" for row in text)
    return Still(box, png, f"Table: {title}", alt)


def compare_table(
    rows: Sequence[Sequence],
    *,
    title: str = "Your number beside the others",
    note: str = "",
    columns: Sequence[str] = ("your run", "recorded run", "lecture or paper"),
) -> Still:
    """Rows of (what, yours, recorded, published): each number under its kind of evidence, None if missing."""
    return table(rows, ["", *columns], title=title, note=note)


def _html_table(rows, header, title, note) -> str:
    esc = html.escape
    pad = "padding:4px 14px"
    line = f"border-bottom:1px solid rgba(128,128,128,.3);{pad}"
    thick = f"border-bottom:2px solid rgba(128,128,128,.6);{pad}"
    head = "".join(
        f'<th scope="col" style="text-align:{"left" if n == 0 else "right"};{thick}">{esc(words)}</th>'
        for n, words in enumerate(header)
    )
    body = ""
    for first, *rest in rows:
        cells = "".join(f'<td style="text-align:right;{line}">{esc(words)}</td>' for words in rest)
        name = f'<th scope="row" style="text-align:left;font-weight:normal;{line}">{esc(first)}</th>'
        body += f"<tr>{name}{cells}</tr>"
    foot = f'<div style="font-size:85%;opacity:.8;padding:3px 14px">{esc(note)}</div>' if note else ""
    return (
        '<div style="line-height:1.5">'
        '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">'
        f'<caption style="caption-side:top;text-align:left;font-weight:bold;{pad}">{esc(title)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}</div>"
    )


def _drawn_table(rows, header, title, note) -> Figure:
    """The table as a figure: text on lines, first column left, the others right."""
    everything = [list(header), *rows]
    widths = [0.085 * max(len(row[n]) for row in everything) + 0.35 for n in range(len(header))]
    width, height = max(style.SIZE[0], sum(widths)), 0.42 + 0.29 * len(everything) + (0.25 if note else 0)
    widths[0] += width - sum(widths) - 0.2
    with style.context():
        figure = Figure(figsize=(width, height), dpi=style.DPI, layout="none")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axes.axis("off")
        axes.text(0.12, 0.2, title, fontsize=10.5, fontweight="bold", va="center")
        for n, row in enumerate(everything):
            y, right = 0.52 + 0.29 * n, 0.1
            for column, words in enumerate(row):
                right += widths[column]
                x, side = (0.12, "left") if column == 0 else (right, "right")
                axes.text(x, y, words, ha=side, va="center", fontsize=9, fontweight="bold" if n == 0 else "normal")
            axes.plot([0.1, width - 0.1], [y + 0.145] * 2, color=style.GRID if n else style.QUIET, lw=0.8, ls="-")
        if note:
            axes.text(0.12, height - 0.14, note, fontsize=7.8, color=style.QUIET, style="italic", va="center")
    return figure
