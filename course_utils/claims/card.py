"""A claim as a card: the verdict, the sentence, and a strip with a dot for each seed, the interval and the margin.

Outside a notebook the two lines of plain text are printed; in one they go along with the card, for nbval, for screen
readers and for whoever looks at the page without its pictures. Claims of one cell that share a unit share an axis.
"""

from __future__ import annotations

import base64
import html
import math
from dataclasses import dataclass

from course_utils.pictures.numbers import nice_limit
from course_utils.pictures.outputs import in_notebook, say, show_bundle
from course_utils.pictures.style import CARD, FAINT, INK, PALETTE, QUIET

HOLDS, FAILS, OPEN = "holds", "does not hold here", "cannot tell from these seeds"
# Chips carry white text at a contrast of at least 4.5 : 1; sign and word say the same as the colour.
CHIPS = {HOLDS: ("#1b7f4b", "✓ Holds"), FAILS: ("#9a4a00", "✗ Does not hold here"), OPEN: ("#5f6670", "? Cannot tell")}
WIDTH, HEIGHT, LEFT, RIGHT = 640, 62, 24, 616  # of the strip, in pixels; the axis runs from LEFT to RIGHT


@dataclass(frozen=True)
class Strip:
    """What a strip shows: one value a seed, the interval [low, high] (NaN where there is none), mean, margins.

    margins: (lower, upper) ends of what was asked, None where that side is open. factors: values are times something,
    on a logarithmic axis around 1.
    """

    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    margins: tuple[float | None, float | None]
    unit: str
    factors: bool = False

    def place(self, value: float) -> float:
        """Where a value lies on the axis: itself, or the logarithm to base 10 of a factor."""
        return value if not self.factors else math.log10(value) if value > 0 else -math.inf

    def reach(self) -> tuple[float, float]:
        """How far the axis has to go below and above zero (or, of factors, 1)."""
        ends = [*self.values, self.low, self.high, *(m for m in self.margins if m is not None)]
        places = [place for place in map(self.place, ends) if math.isfinite(place)]
        return -min(places, default=0.0), max(places, default=0.0)

    def words(self) -> str:
        """The strip for those who do not see it."""
        mark, zero = ("x", "1x") if self.factors else ("", "zero")
        dots = ", ".join(f"{value:.3g}{mark}" for value in self.values)
        margin = " to ".join(f"{m:g}{mark}" for m in self.margins if m is not None)
        bar = f"; the interval from {self.low:.3g}{mark} to {self.high:.3g}{mark}" if math.isfinite(self.low) else ""
        return f"An axis around {zero} with a dot for each seed: {dots}{bar}; the margin at {margin}."


_cell: dict = {"run": None, "cards": []}  # the cards of the cell that is running: (display, strip, forms)


def show(first: str, second: str, verdict: str, strip: Strip | None = None) -> None:
    """Show a claim. first, second: its two lines; verdict: one of the three; strip: None for an exact fact."""
    if not in_notebook():
        say(f"{first}\n{second}")
        return
    from IPython import get_ipython
    from IPython.display import display

    plain = f"{first}\n{second}"
    if strip is None:
        show_bundle({"text/html": page(first, second, verdict), "text/plain": plain})
        return
    run = get_ipython().execution_count
    if _cell["run"] != run:
        _cell.update(run=run, cards=[])
    forms = {"text/html": page(first, second, verdict, strip, strip.reach()), "text/plain": plain}
    handle = display(forms, raw=True, display_id=True)
    _cell["cards"].append((handle, strip, (first, second, verdict)))
    same = [entry for entry in _cell["cards"] if entry[1].unit == strip.unit]
    reach = tuple(max(ends) for ends in zip(*(entry[1].reach() for entry in same), strict=True))
    for shown, its_strip, (line, numbers, its_verdict) in same:
        forms = {"text/html": page(line, numbers, its_verdict, its_strip, reach), "text/plain": f"{line}\n{numbers}"}
        shown.update(forms, raw=True)


def page(first: str, second: str, verdict: str, strip: Strip | None = None, reach: tuple = (0.0, 1.0)) -> str:
    """The card as HTML. All of it is of class "measured": nbval compares the text beside it."""
    color, chip = CHIPS[verdict]
    sentence, condition = first.removeprefix("Claim ").rsplit(f": {verdict} ", 1)
    picture = ""
    if strip is not None:
        code = base64.b64encode(svg(strip, reach, color).encode()).decode()
        look = f"width='{WIDTH}' style='max-width:100%;height:auto;display:block;margin:6px 0 2px'"
        picture = f"<img src='data:image/svg+xml;base64,{code}' {look} alt='{html.escape(strip.words(), quote=True)}'>"
    return (
        f"<article class='measured'><div style='border-left:5px solid {color};padding:4px 14px;margin:8px 0;"
        "line-height:1.45;max-width:62em'>"
        f"<div><span style='background:{color};color:#fff;font-weight:600;border-radius:3px;padding:1px 8px'>{chip}"
        "</span> "
        f"<span style='opacity:.75'>{html.escape(condition.strip('()'))}</span></div>"
        f"<div style='font-size:105%;margin-top:3px'><b>Claim {html.escape(sentence)}.</b></div>{picture}"
        f"<div style='opacity:.8;font-size:92%'>{html.escape(second.strip())}</div></div></article>"
    )


def _limits(reach: tuple[float, float]) -> tuple[float, float]:
    """How far the axis goes below and above the middle: numbers that rarely change."""
    most = max(*reach, 0.0) * 1.05 or 1.0
    below, above = (nice_limit(max(end * 1.05, most / 7), (1, 1.5, 2, 3, 5, 7)) for end in reach)
    return below, above


def _tag(name: str, text: str = "", **attributes) -> str:
    """One SVG element; stroke_width=2 becomes stroke-width='2'."""
    words = "".join(f" {key.replace('_', '-')}='{value}'" for key, value in attributes.items())
    return f"<{name}{words}>{html.escape(text)}</{name}>"


def svg(strip: Strip, reach: tuple[float, float], color: str) -> str:
    """The strip: shaded what was asked for, above a dot for each seed, below the interval and its mean."""
    below, above = _limits(reach)

    def x(value: float) -> float:
        share = (min(above, max(-below, strip.place(value))) + below) / (below + above)
        return round(LEFT + (RIGHT - LEFT) * share, 1)

    def number(value: float) -> str:
        return f"{value:.2g}×" if strip.factors else f"{value:+.3g}" if value else "0"

    middle, ends = (1.0, (10**-below, 10**above)) if strip.factors else (0.0, (-below, above))
    lower, upper = strip.margins
    begin, end = LEFT if lower is None else x(lower), RIGHT if upper is None else x(upper)
    borders = [margin for margin in strip.margins if margin is not None]
    parts = [_tag("rect", width=WIDTH, height=HEIGHT, rx=4, fill=CARD)]
    parts += [_tag("rect", x=begin, y=6, width=round(max(0, end - begin), 1), height=36, fill=PALETTE[0], opacity=0.16)]
    parts += [_tag("line", x1=LEFT, x2=RIGHT, y1=42, y2=42, stroke=FAINT)]
    parts += [_tag("line", x1=x(middle), x2=x(middle), y1=6, y2=42, stroke=INK, stroke_dasharray="4 3")]
    parts += [_tag("line", x1=x(m), x2=x(m), y1=4, y2=42, stroke=PALETTE[0], stroke_width=2) for m in borders]
    if math.isfinite(strip.low):
        bar = dict(stroke=color, stroke_width=5, stroke_linecap="round")
        parts += [_tag("line", x1=x(strip.low), x2=x(strip.high), y1=31, y2=31, **bar)]
        diamond = dict(width=10, height=10, fill=color, stroke=CARD, stroke_width=1.5)
        at = x(strip.mean)
        parts += [_tag("rect", x=round(at - 5, 1), y=26, transform=f"rotate(45 {at} 31)", **diamond)]
    dot = dict(cy=15, r=4.2, fill=INK, fill_opacity=0.6, stroke=CARD)
    parts += [_tag("circle", cx=x(value), **dot) for value in strip.values if math.isfinite(value)]
    beyond = {RIGHT: ("▸", math.inf), LEFT: ("◂", -math.inf)}  # seeds that gave no finite number
    parts += [
        _tag("text", sign, x=at - 4, y=20, fill=INK, font_size=15)
        for at, (sign, n) in beyond.items()
        if n in strip.values
    ]
    labels = {middle: QUIET, ends[0]: QUIET, ends[1]: QUIET} | dict.fromkeys(borders, INK)
    for value, ink in labels.items():
        if value in borders or all(abs(x(value) - x(m)) > 46 for m in borders):
            words = number(value) + (f" {strip.unit}" if value == ends[1] and not strip.factors else "")
            side = {ends[0]: ("start", LEFT - 16), ends[1]: ("end", RIGHT + 16)}.get(value, ("middle", x(value)))
            weight = "bold" if value in borders else "normal"
            parts += [_tag("text", words, x=side[1], y=56, fill=ink, text_anchor=side[0], font_weight=weight)]
    look = "font-family='DejaVu Sans, Verdana, sans-serif' font-size='11'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' {look}>{''.join(parts)}</svg>"
