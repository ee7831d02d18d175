"""What a notebook answers, taken from it as code: nothing here runs a line of it.

Each `check("id", answer)` is found in the syntax tree, together with the statements that make the answer and what they
need in their turn, and no others. Trainings are not among them: an answer that hangs on one is named, not run.
"""

from __future__ import annotations

import ast
import json
import re
import symtable
from dataclasses import dataclass, field

TRAINS = ("training", "search", "steering", "range_test", "transfer", "data")  # what an answer may not wait for
CHECK = re.compile(r"""^(?!\s*#).*\bcheck\(\s*["']([\w.]+)["']""", re.M)
OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
AT_ONCE = ("listcomp", "setcomp", "dictcomp", "genexpr")
BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.Try, ast.With, ast.AsyncWith)


class NotRun(Exception):
    """An answer that cannot be taken on its own; the message says why."""


@dataclass
class Statement:
    """A top-level statement: what it gives a name to, whether it does so afresh, what it needs at once and later."""

    node: ast.stmt
    cell: int
    gives: set[str] = field(default_factory=set)
    afresh: bool = False
    uses: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)  # names that a function's body looks up when it is called


@dataclass
class Answer:
    """One `check` of a notebook: the exercise, the source that makes the answer, or the problem with it.

    name: what the last line of `source` binds the answer to. literal: (value,) where the answer is a plain number, text
    or `...`, and nothing has to be run. cell: 1 is the first. ran: its cell has an execution count.
    """

    exercise: str
    cell: int
    ran: bool
    source: str = ""
    problem: str = ""
    literal: tuple = ()
    defines: str = ""  # the function in `source` that the answer is, where it is one


def cells(text: str) -> list[tuple[int, str, bool]]:
    """(number, source, ran) of the code cells of a notebook. ValueError for what is no notebook."""
    try:
        notebook = json.loads(text)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
    try:
        sheets = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        rows = []
        for number, cell in enumerate(sheets, 1):
            if cell["cell_type"] == "code":
                source = cell["source"] if "source" in cell else cell["input"]
                ran = cell.get("execution_count", cell.get("prompt_number")) is not None
                rows.append((number, "".join(source), ran))
    except (KeyError, TypeError, IndexError, AttributeError):
        raise ValueError("it is JSON, but no notebook") from None
    return rows


def plain(source: str) -> str:
    """A cell without IPython's own words: `%time f()` and `!ls` become nothing, so that line numbers stay."""
    if match := re.match(r"\s*%%(\w+).*", source):
        if match.group(1) not in ("time", "timeit", "capture", "prun"):
            return ""
        source = source.replace(match.group(0), "", 1)
    return re.sub(r"^([ \t]*)(?:[%!?].*|[\w.]+\?{1,2}[ \t]*)$", r"\1pass", source, flags=re.M)


def answers(text: str) -> list[Answer]:
    """Every check of a notebook's text, in order. ValueError for what is no notebook."""
    statements, checks = [], []
    for number, source, ran in cells(text):
        try:
            body = [(node, described(node, number)) for node in ast.parse(plain(source)).body]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = f" in line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else ""
            problem = f"{type(error).__name__}{line}"
            checks += [(Answer(name, number, ran, problem=problem), None, 0) for name in CHECK.findall(source)]
            continue
        for node, statement in body:
            direct = called_check(node.value) if isinstance(node, ast.Expr) else None
            for call in [direct] if direct else filter(None, map(called_check, ast.walk(node))):
                name = call.args[0].value
                inside = "" if direct else "its check stands inside another statement"
                checks.append((Answer(name, number, ran, problem=inside), argument_of(call), len(statements)))
            if not direct:
                statements.append(statement)
    for answer, value, place in checks:
        if not answer.problem:
            try:
                fill(answer, value, statements, place)
            except (NotRun, RecursionError) as reason:
                answer.problem = str(reason) if isinstance(reason, NotRun) else "its code is nested too deeply"
    return [answer for answer, _, _ in checks]


def called_check(node: ast.AST) -> ast.Call | None:
    """The node, where it is a call of `check` with an id in quotes."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    first = node.args[0]
    return node if name == "check" and isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def argument_of(call: ast.Call) -> ast.expr:
    """The expression that is handed over. What a call says of the given numbers is not believed."""
    by_name = [keyword.value for keyword in call.keywords if keyword.arg == "answer"]
    return [*call.args[1:2], *by_name, ast.Constant(None)][0]


def names_in(source: str, into: Statement) -> None:
    """Sort the names of a piece of code: given, used at once, used when a function in it is called."""

    def visit(table, later):
        for symbol in table.get_symbols():
            if table.get_type() != "module":
                if symbol.is_global() and symbol.is_referenced():
                    (into.later if later else into.uses).add(symbol.get_name())
                continue
            if symbol.is_assigned() or symbol.is_imported():
                into.gives.add(symbol.get_name())
            if symbol.is_referenced():
                into.uses.add(symbol.get_name())
        for child in table.get_children():
            visit(child, later or child.get_type() == "function" and child.get_name() not in AT_ONCE)

    visit(symtable.symtable(source, "cell", "exec"), False)


def described(node: ast.stmt, cell: int) -> Statement:
    """What a statement gives and needs."""
    statement = Statement(node, cell)
    names_in(ast.unparse(node), statement)
    for part in ast.walk(node) if not isinstance(node, OWN_SCOPE) else ():
        if isinstance(part, (ast.Subscript, ast.Attribute)) and not isinstance(part.ctx, ast.Load):
            statement.gives |= {name.id for name in ast.walk(part.value) if isinstance(name, ast.Name)}
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        method = node.value.func  # rates.append(3) changes rates
        if isinstance(method, ast.Attribute) and isinstance(method.value, ast.Name):
            statement.gives.add(method.value.id)
    changes = (*BLOCKS, ast.AugAssign, ast.Expr)
    statement.afresh = not isinstance(node, changes) and not statement.gives & statement.uses
    return statement


def givers(name: str, statements: list[Statement], place: int) -> list[int]:
    """The statements that together make what `name` is just before number `place`."""
    rows = []
    for number in range(place - 1, -1, -1):
        if name in statements[number].gives:
            rows.append(number)
            if statements[number].afresh:
                break
    return rows


def needed(value: ast.expr, statements: list[Statement], place: int) -> list[int]:
    """All statements that the expression needs, in order. NotRun where a training is among them."""
    start = Statement(ast.Pass(), 0)
    names_in(ast.unparse(value), start)
    todo = [(name, place) for name in start.uses | start.later]
    chosen, seen = set(), set()
    while todo:
        name, before = todo.pop()
        if (name, before) in seen:
            continue
        seen.add((name, before))
        rows = givers(name, statements, before)
        if not rows and before == place:  # cells may have been run in another order than they stand in
            rows = next(([n] for n in range(place, len(statements)) if name in statements[n].gives), [])
        for number in rows:
            statement = statements[number]
            refuse_training(statement.node, name)
            chosen.add(number)
            todo += [(other, number) for other in statement.uses]
            todo += [(other, place) for other in statement.later]
    return sorted(chosen)


def refuse_training(node: ast.stmt, name: str) -> None:
    """NotRun for a statement that brings `name` from a part of the course that trains or fetches."""
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    modules += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
    for module in modules:
        parts = module.split(".")
        if parts[0] == "course_utils" and len(parts) > 1 and parts[1] in TRAINS:
            raise NotRun(f"it waits for a training: it needs `{name}` from course_utils.{parts[1]}")


def only(node: ast.stmt, names: set[str]) -> ast.stmt:
    """An import without the names that nobody needs: the others may be missing here, or slow."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        aliases = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in names]
        fields = {"module": node.module, "level": node.level} if isinstance(node, ast.ImportFrom) else {}
        return type(node)(names=aliases or node.names, **fields)
    return node


def fill(answer: Answer, value: ast.expr, statements: list[Statement], place: int) -> None:
    """Write the source of an answer, or its literal value, into it."""
    rows = [statements[number] for number in needed(value, statements, place)]
    last = value
    if isinstance(value, ast.Name):
        own = [row.node for row in rows if value.id in row.gives]
        if len(own) == 1 and isinstance(own[0], ast.FunctionDef) and not own[0].decorator_list:
            answer.defines = own[0].name
        if len(own) == 1 and isinstance(own[0], ast.Assign) and isinstance(own[0].targets[0], ast.Name):
            last = own[0].value
    try:
        literal = ast.literal_eval(last)
        if literal is None or literal is ... or isinstance(literal, (str, int, float)):
            answer.literal = (literal,)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        pass
    names = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)}
    names = names.union(*(row.uses | row.later for row in rows))
    answer.source = (
        "\n".join(ast.unparse(only(row.node, names)) for row in rows) + f"\nanswer_ = {ast.unparse(value)}\n"
    )
