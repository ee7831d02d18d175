"""The house rules: pointers lead somewhere, packages stay small, names say what a thing is, doors open.

The rules themselves are in the README ("Contribute"); each is shown here to find a breach of its own.
"""

import ast
import importlib
import io
import json
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "course_utils"
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OTHERS = [ROOT / "course.py", *sorted((ROOT / "tests").rglob("*.py"))]
PAGES = [ROOT / "README.md", ROOT / "data" / "README.md"]
ON_THE_WAY = pytest.mark.xfail(strict=False, reason="the packages are being made small")


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def cells(path: Path, kind: str) -> list[str]:
    """The sources of a notebook's cells of one kind ("code" or "markdown")."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def trees() -> list[tuple[str, ast.Module]]:
    """(where, syntax tree) of every module of the package and every code cell of a lesson."""
    found = [(short(path), ast.parse(path.read_text(encoding="utf-8"))) for path in MODULES]
    for path in NOTEBOOKS:
        for source in cells(path, "code"):
            code = "\n".join(line for line in source.splitlines() if not line.startswith(("%", "!")))
            found.append((path.stem, ast.parse("" if source.startswith("%%") else code)))
    return found


# ---------------------------------------------------------------- every path and module that is named is there

DOTTED = re.compile(r"\b(?:course_utils|tests\.(?:benchmarks|browser|faults|unit))(?:\.[A-Za-z]\w*)+")
SCRIPT = re.compile(r"(?<![\w./])[A-Za-z0-9_][\w./]*\.py\b(?!\.)")
FOLDER = re.compile(r"(?<![\w./:])(?:course_utils|tests|notebooks|data/recorded|\.ci)/[\w./]*[\w/]")
# Files of other projects, and files that an example makes.
FOREIGN = (
    "torch_lr_finder/",
    "lightning/",
    "fastai/",
    "FILE.py",
    "edited.py",
    "my_search.py",
    "10.1.3_cosine_decay.py",
)


FILES = [f"/{short(path)}" for path in [*MODULES, *OTHERS]]


@cache
def is_there(name: str) -> bool:
    """True when a dotted name is a module or something in one, or a path or file name leads to a file."""
    if re.search(r"/|\.py$", name):
        begins = ROOT / name  # "data/recorded/10.1.4" stands for the files that begin like this
        return (
            begins.exists()
            or any(begins.parent.glob(begins.name + "?*"))
            or any(file.endswith(f"/{name}") for file in FILES)
        )
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        for part in parts[size:]:
            if not hasattr(thing, part):
                return False
            thing = getattr(thing, part)
        return True
    return False


def lost(text: str) -> list[str]:
    """The paths, files and modules named in a text that do not exist."""
    named = {match.rstrip(".") for rule in (DOTTED, SCRIPT, FOLDER) for match in rule.findall(text)}
    return sorted(name for name in named if not name.startswith(FOREIGN) and "NAME" not in name and not is_there(name))


def prose(source: str) -> str:
    """Docstrings and comments of a module."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    words = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join(words + [token.string for token in tokens if token.type == tokenize.COMMENT])


def test_docstrings_and_comments_name_what_exists():
    texts = {short(path): prose(path.read_text(encoding="utf-8")) for path in [*MODULES, *OTHERS]}
    assert {path: names for path, text in texts.items() if (names := lost(text))} == {}


def test_lessons_and_pages_name_what_exists():
    texts = {short(path): "\n".join(cells(path, "code") + cells(path, "markdown")) for path in NOTEBOOKS}
    texts |= {short(path): path.read_text(encoding="utf-8") for path in PAGES}
    assert {path: names for path, text in texts.items() if (names := lost(text))} == {}


def test_the_tree_of_the_readme_shows_every_room_with_a_word_about_it():
    tree = PAGES[0].read_text(encoding="utf-8").split("## What is where")[1].split("\n\n")[1].splitlines()
    assert [line for line in tree if not re.search(r"\S {2,}\S", line)] == []
    named = {word for line in tree for word in re.split(r" {2,}", line.strip())[0].split()}
    rooms = {
        f"{path.name}/" for path in PACKAGE.iterdir() if (path / "__init__.py").exists() and path.name != "lessons"
    }
    rooms |= {path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py"}
    assert rooms - named == set()


def test_a_name_that_leads_nowhere_is_found():
    made_up = "See course_utils.training.nothing_here, no_such_file.py, tests/no_such_folder/ and course_utils/x.py."
    assert len(lost(made_up)) == 4
    fine = "See `course_utils.training.train`, loop.py, training/loop.py, course_utils/lessons/, course_utils.runs.Run."
    assert lost(fine) == []


# ---------------------------------------------------------------- size


def lines(paths) -> int:
    return sum(path.read_text(encoding="utf-8").count("\n") for path in paths)


LESSON_FOLDERS = sorted(path for path in (PACKAGE / "lessons").iterdir() if (path / "__init__.py").exists())


@ON_THE_WAY
def test_the_packages_outside_lessons_stay_small():
    assert lines(path for path in MODULES if "lessons" not in path.parts) <= 10_500


# What is still too large: may only shrink, and goes when it is within its limit.
TOO_LARGE = {"packages": 14_779, "l10_2_4": 901, "l10_3_2": 1_503, "l10_3_3": 919}


def test_what_is_too_large_does_not_grow():
    assert lines(path for path in MODULES if "lessons" not in path.parts) <= TOO_LARGE["packages"]


def test_a_lessons_folder_stays_small():
    sizes = {folder.name: lines(folder.glob("*.py")) for folder in LESSON_FOLDERS}
    assert {name: size for name, size in sizes.items() if size > TOO_LARGE.get(name, 900)} == {}


def test_no_module_is_long():
    assert [short(path) for path in MODULES if lines([path]) > 300] == []


# ---------------------------------------------------------------- names

RETIRED = {"one", "there", "found", "kept", "made", "told", "asked", "stands", "now"}


def bound(tree: ast.AST) -> set[str]:
    """Every name that a piece of code gives to something: variables, arguments, functions, classes, imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias) and node.asname:
            names.add(node.asname)
    return names


# An argument of an exercise, which learners see: its text stands in the lesson's output. Nothing may be added here.
STILL_NAMED = ["10.2.1_grid_search: kept", "course_utils/lessons/l10_2_1/exercises.py: kept"]


def test_names_say_what_a_thing_is():
    assert sorted({f"{where}: {name}" for where, tree in trees() for name in bound(tree) & RETIRED}) == STILL_NAMED


def test_it_is_color_in_code():
    assert sorted({f"{where}: {name}" for where, tree in trees() for name in bound(tree) if "colour" in name}) == []


def test_every_way_to_bind_a_name_is_seen():
    code = "import x as a\nb = 1\nc: int = 2\nfor d, (e, *f) in g: pass\ndef h(i, *j, k=1, **l): pass\n[m for m in n]\n"
    assert bound(ast.parse(code + "if (o := p): pass\nclass Q: pass\nwith r as s: pass\n")) == set("abcdefhijklmosQ")


# ---------------------------------------------------------------- doors


def doors() -> list[str]:
    """The packages whose `__init__` gives names: all but those that only hold other packages."""
    found = []
    for path in sorted(PACKAGE.rglob("__init__.py")):
        name = ".".join(path.parent.relative_to(ROOT).parts)
        if "door(" in path.read_text(encoding="utf-8"):
            found.append(name)
    return found


@pytest.mark.parametrize("name", doors())
def test_a_door_gives_what_it_promises(name):
    package = importlib.import_module(name)
    assert package.__all__ and dir(package) == package.__all__
    for promised in package.__all__:
        assert getattr(package, promised) is not None
    files = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
    assert not files & set(package.__all__), "importing the file would hide the name"
    with pytest.raises(AttributeError, match="has no 'nothing_here'; it has"):
        _ = package.nothing_here


def test_a_door_refuses_a_file_that_hides_a_name():
    from course_utils.doors import door

    with pytest.raises(ValueError, match="a file and a name are both called table; rename the file"):
        door("somewhere", table="table rows")


def not_through_a_door(source: str) -> list[str]:
    """Imports of a lesson's cell that reach behind a package's door."""
    behind = []
    for node in ast.walk(ast.parse(source)):
        module = node.module if isinstance(node, ast.ImportFrom) else None
        names = [module] if module else [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "asname")]
        for name in filter(None, names):
            depth = 3 if name.startswith("course_utils.lessons.") else 2
            if name.startswith("course_utils") and name.count(".") >= depth:
                behind.append(name)
    return behind


@pytest.mark.parametrize("path", NOTEBOOKS, ids=short)
def test_a_lesson_goes_through_doors(path):
    sources = [source for source in cells(path, "code") if not source.startswith("%")]
    assert [name for source in sources for name in not_through_a_door(source)] == []


def test_a_way_around_a_door_is_found():
    assert not_through_a_door("from course_utils.training.loop import train") == ["course_utils.training.loop"]
    assert not_through_a_door("import course_utils.training.loop as loop") == ["course_utils.training.loop"]
    fine = "from course_utils.training import train\nfrom course_utils import runs\nimport course_utils.schedules"
    assert not_through_a_door(fine + "\nfrom course_utils.lessons.l00 import a") == []


def test_the_readme_shows_the_floors_that_are_kept():
    layers = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("layers = [")[1].split("]")[0]
    floors = PAGES[0].read_text(encoding="utf-8").split("### Doors and floors")[1].split("### Words")[0]
    assert re.findall(r'"(.*)"', layers) == re.findall(r"^    (\S.*)", floors, re.M)


# ---------------------------------------------------------------- layout


def by_hand(source: str) -> list[int]:
    """Lines with `# fmt: off` or `# fmt: skip` whose statement is no table of data (a list, tuple, set or dict)."""
    if "fmt:" not in source:
        return []
    text, tree = source.splitlines(), ast.parse(source)
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    wrong = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or not re.match(r"# *fmt: *(off|skip)", token.string):
            continue
        line = token.start[0]
        if text[line - 1].lstrip().startswith("#"):  # off: the next statement
            own = min((node for node in statements if node.lineno > line), key=lambda node: node.lineno, default=None)
        else:  # skip: the innermost statement that ends here
            own = max(
                (node for node in statements if node.end_lineno == line), key=lambda node: node.lineno, default=None
            )
        if not isinstance(getattr(own, "value", None), ast.List | ast.Tuple | ast.Set | ast.Dict):
            wrong.append(line)
    return wrong


def test_only_tables_are_laid_out_by_hand():
    found = {short(path): by_hand(path.read_text(encoding="utf-8")) for path in [*MODULES, *OTHERS]}
    assert {path: marks for path, marks in found.items() if marks} == {}


def test_code_laid_out_by_hand_is_found():
    assert by_hand("x = f(1,\n      2)  # fmt: skip\n") == [2]
    assert by_hand("# fmt: off\nx = f(1,\n      2)\n# fmt: on\n") == [1]
    assert by_hand("x = [(1, 2),\n     (3, 4)]  # fmt: skip\n# fmt: off\ny = {1: 2,\n     3: 4}\n# fmt: on\n") == []


def test_a_lessons_code_fits_a_window_of_1100_pixels():
    wide = [(path.stem, line) for path in NOTEBOOKS for source in cells(path, "code") for line in source.splitlines()]
    assert [(name, line) for name, line in wide if len(line) > 100] == []


def test_the_tests_mirror_the_packages():
    tests = ROOT / "tests" / "unit"
    folders = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}
    packages = {path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("__init__.py")}
    assert folders - packages == set(), "folders of tests without a package of that name"
    has_code = {path.parent.relative_to(PACKAGE) for path in MODULES if path.name not in ("__init__.py", "record.py")}
    assert {name for name in has_code - folders if "lessons" not in name.parts} == set(), "packages without tests"
