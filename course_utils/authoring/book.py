"""All lessons as pages: `python3 course.py book [FOLDER]` calls it. For reading without Python, also on a phone.

nbconvert, which comes with JupyterLab, turns cells and outputs into HTML; formulas become MathML (formulas.py),
pictures stay in the page, links between lessons lead to pages. No page fetches anything: its own policy forbids it.
"""

from __future__ import annotations

import argparse
import ast
import html
import re
import sys
from pathlib import Path

import nbformat

from course_utils.authoring import book_style
from course_utils.authoring.formulas import Unknown, mathml
from course_utils.contents import LESSONS, NOTEBOOKS, Lesson, lesson
from course_utils.files import write_whole

PARTS = {"00": "Before you begin", "10.1": "Learning rates", "10.2": "Hyper-parameters", "10.3": "Transfer learning"}
PARTS |= {"A": "Beyond the lecture"}
CLAIMS = "all_claims"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
TEMPLATE = """\
{%- extends 'basic/index.html.j2' -%}
{% block input %}
{%- if cell.metadata.get('jupyter', {}).get('source_hidden') -%}
<details><summary>Set-up code</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{% endblock %}
"""


def exporter():
    """nbconvert's exporter for the inside of a page."""
    from jinja2 import pass_context
    from nbconvert.exporters import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def block_math(self, body):
            return f"<span class=formula>{formula(body, block=True)}</span>"

        def inline_math(self, body):
            long = len(body) > 30  # a line of a formula is not broken: on a phone it is pushed sideways
            return f"<span class=long>{formula(body)}</span>" if long else formula(body)

    class Exporter(HTMLExporter):
        @pass_context
        def markdown2html(self, context, source):
            renderer = Renderer(escape=False, exclude_anchor_links=True, attachments={}, embed_images=False, path="")
            return MarkdownWithMath(renderer=renderer).render(source)

    converter = Exporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    converter.raw_template = TEMPLATE
    return converter


def formula(tex: str, block: bool = False) -> str:
    """MathML; the TeX itself, as code, where it is more than formulas.py knows."""
    try:
        return mathml(tex, block)
    except Unknown:
        return f"<code class=tex>{html.escape(tex)}</code>"


# ---------------------------------------------------------------- alt texts


def said_in(source: str) -> list[tuple[str, list[str]]]:
    """(alt text, titles beside it) for each picture that a cell shows, in order, as its code says it.

    Numbers that were put in while the cell ran become an ellipsis.
    """
    try:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    except SyntaxError:  # a cell with IPython's own words
        return []
    texts = []
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        alt = next((words(keyword.value) for keyword in call.keywords if keyword.arg == "alt"), "")
        if alt:
            inner = [keyword for node in ast.walk(call) if isinstance(node, ast.Call) for keyword in node.keywords]
            texts.append((alt, [words(keyword.value) for keyword in inner if keyword.arg in ("title", "name")]))
    return texts


def words(node: ast.expr) -> str:
    """A text as code spells it: constants, sums of them, and f-strings with … for each value. Empty for all else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(words(part) or "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return words(node.left) + words(node.right)
    return ""


def give_alts(nb) -> None:
    """Write an alt text to each picture of a notebook: its own, the one in the cell's code, or the picture's title.

    Its own was kept when the notebook was executed (authoring/notebooks.py); older ones have none.
    """
    for cell in nb.cells:
        pictures = [out for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
        texts = said_in(cell.source) if pictures else []
        for place, out in enumerate(pictures):
            kind, _, title = out.data.get("text/plain", "Picture").partition(": ")
            fitting = [alt for alt, titles in texts if title in titles]
            if not fitting and len(texts) == len(pictures):
                fitting = [texts[place][0]]
            kind = {"LivePicture": "A picture with sliders, standing still"}.get(kind, kind)
            stop = "" if title.endswith(("?", "!", ".")) else "."
            alt = f"{title}{stop} {fitting[0]}" if fitting else f"{kind}: {title}".strip(": ")
            out.metadata.setdefault("image/png", {}).setdefault("alt", alt)


# ---------------------------------------------------------------- pages


def inside(entry: Lesson, converter) -> str:
    """The cells and outputs of a lesson as HTML."""
    nb = nbformat.read(entry.path, as_version=4)
    give_alts(nb)
    return converter.from_notebook_node(nb)[0]


def linked(page: str, pages: set[str]) -> str:
    """The HTML with links between lessons leading to pages; a link to what is not in the book becomes its text."""

    def lead(match):
        before, quote, target, after, text = match.groups()
        name, hash_, anchor = target.partition("#")
        stem = re.sub(r"\.(ipynb|md)$", "", name)
        if re.match(r"[a-z]+:|#|$", target):
            return match.group()
        if stem in pages:
            return f"<a{before}href={quote}{stem}.html{hash_}{anchor}{quote}{after}>{text}</a>"
        return f"<span>{text}</span>"

    return re.sub(r"<a(\s[^>]*?)href=([\"'])(.*?)\2([^>]*)>(.*?)</a>", lead, page, flags=re.S)


def whole(title: str, body: str, *, top: bool = True) -> str:
    """A page around its inside."""
    ways = [f"<nav aria-label='{place}'><a href='index.html'>Contents</a></nav>" * top for place in ("top", "end")]
    body = body.replace("<pre><code>", "<pre tabindex=0><code>")  # a long line is scrolled by keyboard, too
    return (
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{html.escape(title)}</title><style>{book_style.css()}</style></head>\n"
        f"<body>{ways[0]}<main>{body}</main>{ways[1]}</body></html>\n"
    )


def index(entries: list[Lesson]) -> str:
    """The page of contents: what is in the book, part by part, and what is planned."""
    body = "<h1>Training neural networks, by watching them train</h1>"
    body += (
        "<p>The lessons of the course as they ran, for reading. Sliders, live trainings and exercises need the course "
        "itself: <code>python3 course.py start</code>.</p>"
    )
    for part, title in PARTS.items():
        rows = [row for row in LESSONS if row.number == part or re.match(rf"{re.escape(part)}[.\d]", row.number)]
        items = "".join(f"<li>{item(row, row in entries)}</li>" for row in rows)
        body += f"<h2>{title}</h2><ul class=contents>{items}</ul>" if items else ""
    return whole("Contents", body + f"<p><a href='{CLAIMS}.html'>All claims of the course</a></p>", top=False)


def item(row: Lesson, is_there: bool) -> str:
    """A line of the contents."""
    if not is_there:
        return f"<span class=planned>{html.escape(str(row))} (not in this book)</span>"
    length = f" <small>{row.length()} of computing</small>" if row.minutes else ""
    return f"<a href='{Path(row.file).stem}.html'>{html.escape(str(row))}</a>{length}"


def book(folder: Path, numbers: list[str] | None = None) -> list[Path]:
    """Write the pages into `folder`: the lessons with these numbers (default: all that exist), contents, claims."""
    entries = [lesson(number) for number in numbers] if numbers else [row for row in LESSONS if row.available]
    pages, converter, written = {Path(row.file).stem for row in entries} | {CLAIMS}, exporter(), []
    for row in entries:
        page = whole(str(row), linked(inside(row, converter), pages))
        written.append(write_whole(folder / f"{Path(row.file).stem}.html", page))
        print(f"{written[-1].name}: {len(page) / 1e6:.1f} MB", flush=True)
    text = (NOTEBOOKS / f"{CLAIMS}.md").read_text(encoding="utf-8")
    claims = converter.markdown2html({}, text)
    written.append(
        write_whole(folder / f"{CLAIMS}.html", whole("All claims", f"<div class=claims>{linked(claims, pages)}</div>"))
    )
    written.append(write_whole(folder / "index.html", index(entries)))
    return written


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="course.py book", description="Write all lessons as pages for reading.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lesson", action="append", help="section number; may be given several times (default: all)")
    args = parser.parse_args(argv)
    try:
        print(f"Open {book(args.folder, args.lesson)[-1]}")
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
