"""The map of the course: every lesson with the exercises solved and whether a guess was made."""

from __future__ import annotations

import html

from course_utils.exercises import cards, progress

PARTS = {"10.1": "Learning-rate schedules", "10.2": "Hyper-parameters", "10.3": "Transfer learning"}
LEFT = "style='text-align:left'"  # JupyterLab sets tables flush right


def progress_map() -> None:
    """Show a table of all lessons: exercises solved, guess made; planned lessons greyed."""
    rows = progress.summary()
    if cards.in_notebook():
        cards.show_bundle({"text/html": as_html(rows), "text/plain": as_text(rows)})
    else:
        cards.say(as_text(rows))


def as_text(rows: list[dict]) -> str:
    """The rows of `progress.summary()` in columns."""
    lines = [f"{'lesson':8}{'':36}{'exercises':16}guess"]
    lines += [f"{a:8}{b:36}{c:16}{d}".rstrip() for a, b, c, d in map(_cells, rows)]
    return "\n".join(lines)


def as_html(rows: list[dict]) -> str:
    """The same as a table, with links to the lessons and a heading for each part of the course."""
    body, last = [], ""
    for row in rows:
        part = PARTS.get(".".join(row["lesson"].split(".")[:2]), "")
        if part != last:
            body.append(f"<tr><th colspan=4 scope=rowgroup {LEFT}>{part}</th></tr>")
        body.append(_html_row(row))
        last = part
    head = "".join(f"<th scope=col {LEFT}>{title}</th>" for title in ("Lesson", "Title", "Exercises", "Guess"))
    return (
        f"<table {LEFT}><caption {LEFT}>Your way through the course</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )


def _cells(row: dict) -> tuple[str, str, str, str]:
    if row["planned"]:
        return row["lesson"], row["title"], "planned", ""
    guess = "not yet" if row["guess"] is None else "made"
    return row["lesson"], row["title"], f"{row['solved']} of {row['total']} solved", guess


def _html_row(row: dict) -> str:
    lesson, title, done, guess = map(html.escape, _cells(row))
    look = " style='opacity:.75'" if row["planned"] else ""
    if not row["planned"]:
        title = f"<a href='{row['file']}'>{title}</a>"
        done = "✓ " * (0 < row["total"] == row["solved"]) + done
    return f"<tr{look}>" + "".join(f"<td {LEFT}>{cell}</td>" for cell in (lesson, title, done, guess)) + "</tr>"
