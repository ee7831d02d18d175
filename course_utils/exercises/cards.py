"""One block of text in a notebook: HTML with a coloured, worded label, and the same in plain text.

Outside a notebook the plain text is printed. Both forms hold nothing that changes between runs or machines.
"""

from __future__ import annotations

import html
import re

from course_utils.pictures.outputs import bundle, in_notebook, say, sendable, show_bundle

# Label colours carry white text at a contrast of at least 4.5 : 1; the rest takes the page's colours, so that a card
# reads on a light and on a dark page. The label's word, not its colour, says what happened.
COLORS = {
    "exercise": "#1f5fbf",
    "correct": "#1b7f4b",
    "not yet": "#9a5b00",
    "error in your code": "#b3261e",
    "not attempted": "#5f6670",
    "hint": "#6b4fa0",
    "solution": "#1f5fbf",
    "predict": "#1f5fbf",
    "progress": "#5f6670",
}
SIGNS = {"correct": "✓", "not yet": "↻", "error in your code": "✗", "not attempted": "○"}


def card_html(kind: str, title: str, text: str, *, printed: str = "") -> str:
    """The card as HTML. text is small Markdown; printed is what the learner's code printed."""
    color = COLORS[kind]
    label = f"{SIGNS.get(kind, '')} {kind.capitalize()}".strip()
    body = to_html(text)
    if printed:
        body += f"<p>Your code printed:</p><pre style='white-space:pre-wrap'>{html.escape(printed)}</pre>"
    return sendable(
        f"<div style='border-left:4px solid {color};padding:4px 12px;margin:6px 0;line-height:1.45;max-width:60em'>"
        f"<div><span style='background:{color};color:#fff;font-weight:600;border-radius:3px;padding:1px 8px'>"
        f"{html.escape(label)}</span> <b>{html.escape(title)}</b></div>{body}</div>"
    )


def card_text(kind: str, title: str, text: str, *, printed: str = "") -> str:
    """The same card as plain text (the Markdown as written, without emphasis marks)."""
    head = f"[{kind.upper()}] {title}"
    body = re.sub(r"\*\*(.+?)\*\*", r"\1", text.strip())
    tail = f"\nYour code printed:\n{printed}" if printed else ""
    return sendable(f"{head}\n{body}{tail}".rstrip())


def show(kind: str, title: str, text: str, *, printed: str = "") -> None:
    """Display the card: one output with HTML and plain text in a notebook, a print elsewhere."""
    plain = card_text(kind, title, text, printed=printed)
    if in_notebook():
        show_bundle({"text/html": card_html(kind, title, text, printed=printed), "text/plain": plain})
    else:
        say(plain)


def show_widget(widget, plain: str, static_html: str = "") -> None:
    """Display a widget with its plain-text form in one output: what GitHub, nbviewer and nbval see is the text."""
    show_bundle(bundle(widget, plain, page=static_html))


def to_html(text: str) -> str:
    """Small Markdown to HTML: paragraphs, `- ` lists, fenced code, `code`, **bold**, *emphasis*; $ is a dollar."""
    parts = re.split(r"```\w*\n(.*?)\n?```", text.strip(), flags=re.DOTALL)
    page = ""
    for place, part in enumerate(parts):
        if place % 2:
            page += f"<pre style='margin:6px 0;white-space:pre-wrap'><code>{html.escape(part)}</code></pre>"
        else:
            page += "".join(_block(block) for block in re.split(r"\n\s*\n", part.strip()))
    return page


def _block(block: str) -> str:
    lines = [line.strip() for line in block.strip().splitlines()]
    before = " ".join(line for line in lines if not line.startswith("- "))
    items = "".join(f"<li>{_inline(line[2:])}</li>" for line in lines if line.startswith("- "))
    page = f"<p style='margin:6px 0'>{_inline(before)}</p>" if before else ""
    return page + (f"<ul style='margin:4px 0 4px 1.2em'>{items}</ul>" if items else "")


def _inline(text: str) -> str:
    pieces = re.split(r"(`[^`]+`)", text)
    for place, piece in enumerate(pieces):
        escaped = html.escape(piece.strip("`") if place % 2 else piece, quote=False)
        if place % 2:
            pieces[place] = f"<code>{escaped}</code>"
        else:
            escaped = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escaped).replace("$", "<span>$</span>")  # no formula
            pieces[place] = re.sub(r"(?<!\w)\*([^*\s][^*]*?)\*(?!\w)", r"<i>\1</i>", escaped)
    return "".join(pieces)
