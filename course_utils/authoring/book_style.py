"""How the pages of the book look: light and dark as the reader's system has it, and on a phone."""

from __future__ import annotations

import functools

PAGE = """
:root { color-scheme: light dark; --back: #fff; --ink: #1b1f24; --soft: #f9fafb; --line: #d4d9e0; --link: #1757b8; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14171a; --ink: #e2e6ea; --soft: #1e2328; --line: #3a424b; --link: #82b4ff; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 58rem; padding: 0 1rem 3rem; font: 1rem/1.6 system-ui, sans-serif;
  color: var(--ink); background: var(--back); overflow-wrap: break-word; }
nav { padding: .8rem 0; }
a { color: var(--link); }
h1 { font-size: 1.8rem; line-height: 1.2; } h2 { margin-top: 2.5rem; line-height: 1.25; }
img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
pre, .formula, .output_html { overflow-x: auto; }
pre { padding: .7rem .9rem; background: var(--soft); border-radius: 6px; font-size: .85rem; line-height: 1.45; }
code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
:not(pre) > code { background: var(--soft); border-radius: 3px; padding: .1em .25em; font-size: .9em; }
.output_area pre { background: none; border-left: 3px solid var(--line); border-radius: 0; white-space: pre-wrap; }
table { display: block; width: max-content; max-width: 100%; overflow-x: auto; border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: .3em .6em; text-align: left; vertical-align: top; }
thead:not(:has(th:not(:empty))) { display: none; }
.output_png { overflow-x: auto; }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--link); }

.long { display: inline-block; max-width: 100%; overflow-x: auto; vertical-align: bottom; }
.formula { display: block; padding: .3rem 0; } .formula math { font-size: 1.1em; }
mtable.cases mtd { padding: .25em .6em .25em 0; text-align: left; }
.contents { list-style: none; padding: 0; } .contents li { padding: .3rem 0; }
.contents small, .planned { opacity: .75; }
@media (max-width: 40rem) {
  body { padding: 0 .75rem 2rem; } h1 { font-size: 1.5rem; } pre { font-size: .78rem; }
  .output_png img { max-width: none; width: 36rem; } /* its words stay large enough to read; it scrolls by itself */
  td { min-width: 5rem; }
  .claims :is(table, tbody, tr, td) { display: block; border: 0; width: auto; } .claims thead { display: none; }
  .claims tr { border-left: 4px solid var(--line); margin: .8rem 0; } .claims td { padding: 0 .7rem; }
}
@media print { nav { display: none; } pre { white-space: pre-wrap; } }
"""


@functools.cache
def css() -> str:
    """The style sheet, with the colours of code for both."""
    from pygments.formatters import HtmlFormatter

    light, dark = (
        "\n".join(
            line
            for line in HtmlFormatter(style=style).get_style_defs(".highlight").splitlines()
            if line.startswith(".highlight .") and "background" not in line
        )
        for style in ("default", "github-dark")
    )
    return f"{PAGE}{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
