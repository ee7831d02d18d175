"""A report on handed-in notebooks as text, page and table. Whatever learners wrote is escaped."""

from __future__ import annotations

import csv
import html
import io

from course_utils.exercises.checking import CORRECT, ERROR, NOT_ATTEMPTED, NOT_YET

SIGNS = {CORRECT: "✓", NOT_YET: "✗", ERROR: "!", NOT_ATTEMPTED: "·", "": ""}
WORDS = {CORRECT: "correct", NOT_YET: "wrong", ERROR: "error", NOT_ATTEMPTED: "not attempted", "": "not handed in"}
KINDS = [word for kind, word in WORDS.items() if kind]
KEY = (
    "✓ correct, ✗ wrong, ! error, · not attempted, empty: nothing of that lesson handed in. "
    "= the code is that of the bank's solution. ° its cell was never run."
)
STYLE = """
:root { color-scheme: light dark; --line: #8886; --back: #fff; --ink: #1b1f24; --soft: #f2f4f7; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --ink: #e4e7eb; --soft: #22272d; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 1em auto;
  padding: 0 1em; max-width: 75em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5em 0 1.5em; }
th, td { border: 1px solid var(--line); padding: .25em .6em; text-align: left; vertical-align: top; }
thead th { background: var(--soft); }
td small { display: block; width: max-content; max-width: 16em; overflow-wrap: break-word; }
"""


def marks(verdict) -> str:
    """What stands behind the sign of an outcome."""
    return "=" * verdict.same + "°" * (not verdict.ran)


def sign(row, exercise: str) -> str:
    verdict = row.verdicts.get(exercise)
    return SIGNS.get(row.kind(exercise), "?") + (marks(verdict) if verdict else "")


def notes(row) -> list[str]:
    """What else there is to say about a learner."""
    lines = list(row.problems)
    if row.never_ran:
        lines.append(f"{row.never_ran} of {row.cells} cells with code never ran")
    return lines


def by_lesson(exercises: list[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in exercises:
        groups.setdefault(name.rpartition(".")[0], []).append(name)
    return groups


def overview(report) -> list[list[str]]:
    """A line for every learner: how many exercises of which outcome, and remarks. Whoever handed in, is in it."""
    rows = []
    for row in report.rows:
        kinds = [row.kind(name) for name in report.exercises()]
        rows.append([row.learner, *(str(kinds.count(kind)) for kind in WORDS if kind), "; ".join(notes(row))])
    return rows


def as_text(report) -> str:
    """An overview, one table a lesson, then what the class shares, then what is to be said about single learners."""
    wide = min(30, max([8, *(len(row.learner) for row in report.rows)]))
    lines = [f"{'':{wide}}  " + "  ".join(KINDS)]
    for learner, *counts, remark in overview(report):
        cells = [f"{count:{len(word)}}" for count, word in zip(counts, KINDS, strict=True)]
        lines.append(f"{learner[:wide]:{wide}}  {'  '.join(cells)}  {remark}".rstrip())
    lines.append("")
    for lesson, names in by_lesson(report.exercises()).items():
        heads = [name.rpartition(".")[2] for name in names]
        lines += [f"{lesson:{wide}}  " + "  ".join(heads)]
        for row in report.rows:
            if lesson in row.lessons():
                cells = [f"{sign(row, name):{len(head)}}" for name, head in zip(names, heads, strict=True)]
                lines.append(f"{row.learner[:wide]:{wide}}  {'  '.join(cells)}".rstrip())
        lines.append("")
    lines += [KEY, ""]
    shared = report.shared()
    lines += ["Misconceptions that several learners share:"] * bool(shared)
    lines += [f"  {count} learners, {exercise}, {name}: {message}" for exercise, name, message, count in shared]
    lines += [""] * bool(shared)
    return "\n".join([*lines, report.guard])


def as_csv(report) -> str:
    """A line for each learner and exercise, for a spreadsheet: no cell can be taken for a formula."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow("learner exercise outcome misconception same_as_solution cell_was_run remark".split())
    for row in report.rows:
        lines = [[name, row.kind(name), row.verdicts.get(name)] for name in report.exercises()]
        for name, kind, verdict in lines:
            extra = ["", "", "", ""]
            if verdict:
                extra = [verdict.misconception, "yes" * verdict.same, "no" if not verdict.ran else "yes", verdict.text]
                extra[3] = " ".join(extra[3].split()) if kind in (NOT_YET, ERROR) else ""
            table.writerow(map(harmless, [row.learner, name, WORDS.get(kind, kind), *extra]))
        for line in notes(row):
            table.writerow(map(harmless, [row.learner, "", "note", "", "", "", line]))
    return out.getvalue()


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows, and does not compute."""
    return "'" + cell if cell[:1] in "=+-@\t\r" and cell else cell


def as_html(report) -> str:
    """The whole page. It loads nothing, and its policy forbids scripts."""
    parts = []
    for lesson, names in by_lesson(report.exercises()).items():
        head = "".join(f"<th scope=col>{e(name.rpartition('.')[2])}</th>" for name in names)
        body = "".join(
            f"<tr><th scope=row>{e(row.learner)}</th>{''.join(cell(row, name) for name in names)}</tr>"
            for row in report.rows
            if lesson in row.lessons()
        )
        table = f"<table><thead><tr><th scope=col>learner</th>{head}</tr></thead><tbody>{body}</tbody></table>"
        parts.append(f"<h2>Lesson {e(lesson)}</h2><div class=wide>{table}</div>")
    shared = "".join(
        f"<li><b>{count} learners</b>, {e(exercise)}, <i>{e(name)}</i>: {e(message)}</li>"
        for exercise, name, message, count in report.shared()
    )
    heads = "".join(f"<th scope=col>{word}</th>" for word in ["learner", *KINDS, "remarks"])
    lines = "".join(
        f"<tr><th scope=row>{e(row[0])}</th>{''.join(f'<td>{e(part)}</td>' for part in row[1:])}</tr>"
        for row in overview(report)
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>Report on handed-in notebooks</title>"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<meta name=viewport content='width=device-width, initial-scale=1'><style>{STYLE}</style></head><body><main>"
        f"<h1>Handed-in notebooks</h1><p>{len(report.rows)} learners. {e(report.guard)}</p><p>{e(KEY)}</p>"
        f"<div class=wide><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
        f"<h2>What several learners share</h2><ul>{shared or '<li>No misconception.</li>'}</ul>"
        f"{''.join(parts)}</main></body></html>\n"
    )


def cell(row, exercise: str) -> str:
    """One outcome; for a wrong one the misconception, and all the judge said when it is pointed at."""
    verdict, kind = row.verdicts.get(exercise), row.kind(exercise)
    if not verdict or kind not in (NOT_YET, ERROR):
        return f"<td title='{e(WORDS.get(kind, kind))}'>{e(sign(row, exercise))}</td>"
    said = verdict.misconception or verdict.text.partition("\n")[0][:120].replace("`", "").replace("**", "")
    if kind == NOT_YET and not verdict.misconception:
        said = "no known misconception"
    return f"<td title='{e(verdict.text)}'>{e(sign(row, exercise))} {e(WORDS[kind])}<small>{e(said)}</small></td>"


def e(text: str) -> str:
    return html.escape(str(text), quote=True)
