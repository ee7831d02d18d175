r"""TeX as the lessons write it, made into MathML: pages show formulas with no script, no font and no network.

`mathml(r"\alpha_t = \tfrac12 \alpha_0")` gives a <math> element that carries the TeX as its annotation. A word that is
not known here raises Unknown: the page then shows the TeX itself. A test reads every formula of every lesson. (The
library latex2mathml 3.81 misreads some: line ends with [4pt], arg max, limits.)
"""

from __future__ import annotations

import html
import re

TOKEN = re.compile(r"\\begin\{(\w+)\}|\\end\{(\w+)\}|\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.", re.S)
GREEK = dict(
    zip(
        "alpha beta gamma delta varepsilon epsilon eta theta kappa lambda mu nu xi pi rho sigma tau varphi phi chi "
        "psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell nabla partial infty".split(),
        "αβγδεϵηθκλμνξπρστφϕχψωΓΔΘΛΞΠΣΦΨΩℓ∇∂∞",
        strict=True,
    )
)
SIGNS = {
    "le": "≤", "ge": "≥", "leq": "≤", "geq": "≥", "ne": "≠", "neq": "≠", "approx": "≈", "sim": "∼", "in": "∈",
    "to": "→", "leftarrow": "←", "rightarrow": "→", "mapsto": "↦", "propto": "∝", "equiv": "≡", "ll": "≪", "gg": "≫",
    "cdot": "⋅", "times": "×", "pm": "±", "ast": "∗", "star": "⋆", "circ": "∘", "odot": "⊙", "dots": "…", "ldots": "…",
    "cdots": "⋯", "lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|", "|": "‖", "{": "{", "}": "}", "lceil": "⌈",
    "rceil": "⌉", "lfloor": "⌊", "rfloor": "⌋", "langle": "⟨", "rangle": "⟩", "int": "∫", "mid": "|", "%": "%",
    "_": "_", "&": "&", "#": "#", "$": "$",
}  # fmt: skip
LARGE = {"sum": "∑", "prod": "∏"}
FUNCTIONS = ("max", "min", "ln", "log", "exp", "cos", "sin", "tan", "tanh", "arg", "det", "lim", "sup", "inf", "Pr")
BELOW = ("max", "min", "lim", "sup", "inf", "arg")  # a lower index stands under these in a formula of its own line
SPACES = {",": 0.17, ":": 0.22, ";": 0.28, "!": -0.17, " ": 0.3, "quad": 1, "qquad": 2, "enspace": 0.5}
ACCENTS = {"bar": "¯", "hat": "^", "tilde": "~", "vec": "→", "dot": "˙", "overline": "¯"}
SILENT = ("textstyle", "displaystyle", "limits", "nolimits")
BIG = ("big", "bigl", "bigr", "Big", "Bigl", "Bigr")
LETTERS = {"text": "mtext", "mathrm": "mi", "operatorname": "mi", "mathbf": "mi", "mathbb": "mi", "textbf": "mtext"}
STRETCHES = "()[]{}|‖⌈⌉⌊⌋⟨⟩"


class Unknown(ValueError):
    """TeX that this module does not know."""


class Reader:
    """The tokens of a formula, one by one."""

    def __init__(self, tex: str):
        self.tokens = [match.group() for match in TOKEN.finditer(tex)]
        self.place = 0

    def skip(self) -> None:
        while self.place < len(self.tokens) and self.tokens[self.place].isspace():
            self.place += 1

    def peek(self) -> str:
        self.skip()
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.place += 1
        return token

    def raw(self) -> str:
        """The text between two braces, spaces and all."""
        if self.next() != "{":
            raise Unknown("a brace is missing")
        begin, depth = self.place, 1
        while depth:
            if self.place >= len(self.tokens):
                raise Unknown("a brace is missing")
            depth += {"{": 1, "}": -1}.get(self.tokens[self.place], 0)
            self.place += 1
        return "".join(self.tokens[begin : self.place - 1])

    def argument(self) -> str:
        """The next group or single token, as MathML. `\\frac12` takes one digit at a time."""
        token = self.peek()
        if token == "{":
            self.next()
            inner = self.row("}")
            self.next()
            return f"<mrow>{inner}</mrow>"
        if token[:1].isdigit() and len(token) > 1:
            self.tokens[self.place : self.place + 1] = [token[0], token[1:]]
        return self.atom()

    def row(self, *ends: str) -> str:
        """Everything up to one of the tokens in `ends`, which is left where it is."""
        parts = []
        while (token := self.peek()) not in ends:
            if not token or token in ("}", "&", "\\\\") or token.startswith("\\end"):
                raise Unknown(f"unexpected {token or 'end'}")
            parts.append(self.scripted())
        return "".join(parts)

    def scripted(self) -> str:
        """An atom with what stands below and above it."""
        name = self.peek().lstrip("\\")
        base, low, high = self.atom(), "", ""
        while self.peek() in ("_", "^", "'"):
            sign = self.next()
            if sign == "'":
                high += "<mo>′</mo>"
            elif sign == "_":
                low = self.argument()
            else:
                high = self.argument()
        limits = name in BELOW or name in LARGE or name == "underbrace"
        kinds = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
        if low and high:
            return f"<{kinds[2]}>{base}{low}{high}</{kinds[2]}>"
        kind = kinds[0] if low else kinds[1]
        return f"<{kind}>{base}{low or high}</{kind}>" if low or high else base

    def atom(self) -> str:
        token = self.next()
        if token == "{":
            self.place -= 1
            return self.argument()
        if token[:1].isdigit():
            return f"<mn>{token}</mn>"
        if token.startswith("\\begin"):
            return self.environment(token[7:-1])
        if token.startswith("\\"):
            return self.command(token[1:])
        if token.isalpha():
            return f"<mi>{token}</mi>"
        if not token or token in "_^}&":
            raise Unknown(f"unexpected {token or 'end'}")
        return sign({"-": "−", "*": "∗"}.get(token, token))

    def command(self, name: str) -> str:
        if name in GREEK:
            return f"<mi>{GREEK[name]}</mi>" if name.islower() else f"<mi mathvariant='normal'>{GREEK[name]}</mi>"
        if name in SIGNS:
            return sign(SIGNS[name])
        if name in LARGE:
            return f"<mo>{LARGE[name]}</mo>"
        if name in FUNCTIONS:
            return f"<mi>{name}</mi><mspace width='.1em'/>" if self.peek() not in ("_", "^") else f"<mi>{name}</mi>"
        if name in SPACES:
            return f"<mspace width='{SPACES[name]}em'/>"
        if name in SILENT:
            return ""
        if name in BIG:
            return self.fence(" minsize='1.4em'")
        if name == "left":
            begin, inner = self.fence(), self.row("\\right")
            self.next()
            return f"<mrow>{begin}{inner}{self.fence()}</mrow>"
        if name in ("frac", "tfrac", "dfrac"):
            style = " displaystyle='false' scriptlevel='0' class='small'" if name == "tfrac" else ""
            top = self.argument()
            return f"<mfrac{style}>{top}{self.argument()}</mfrac>"
        if name == "sqrt":
            return f"<msqrt>{self.argument()}</msqrt>"
        if name in ACCENTS:
            wide = "true" if name == "overline" else "false"
            return f"<mover accent='true'>{self.argument()}<mo stretchy='{wide}'>{ACCENTS[name]}</mo></mover>"
        if name == "underbrace":
            return f"<munder>{self.argument()}<mo stretchy='true'>⏟</mo></munder>"
        if name in LETTERS:
            kind, words = LETTERS[name], self.raw()
            upright = " mathvariant='normal'" if kind == "mi" else ""
            return f"<{kind}{upright}>{html.escape(re.sub(' ', chr(160), words))}</{kind}>"
        if name == "tag":
            return f"<mspace width='2em'/><mtext>({html.escape(self.raw())})</mtext>"
        raise Unknown(f"\\{name}")

    def fence(self, more: str = "") -> str:
        """A bracket that grows with what it holds; a full stop is an invisible one."""
        token = self.next()
        text = SIGNS.get(token[1:], token) if token.startswith("\\") else token
        if text != "." and text not in STRETCHES:
            raise Unknown(f"a bracket {token}")
        return f"<mo stretchy='true'{more}>{'' if text == '.' else text}</mo>"

    def environment(self, name: str) -> str:
        if name not in ("cases", "aligned", "matrix"):
            raise Unknown(f"\\begin{{{name}}}")
        end, rows, cells = f"\\end{{{name}}}", [], []
        while True:
            cells.append(f"<mtd>{self.row('&', chr(92) * 2, end)}</mtd>")
            token = self.next()
            if token == "&":
                continue
            rows.append(f"<mtr>{''.join(cells)}</mtr>")
            cells = []
            if token == end:
                break
            if self.peek() == "[":  # the height of a gap
                while self.next() != "]":
                    pass
        table = f"<mtable columnalign='left' class='{name}'>{''.join(rows)}</mtable>"
        return f"<mo stretchy='true'>{{</mo>{table}" if name == "cases" else table


def sign(text: str) -> str:
    stretchy = " stretchy='false'" if text in STRETCHES else ""
    return f"<mo{stretchy}>{html.escape(text)}</mo>"


def mathml(tex: str, block: bool = False) -> str:
    """The formula as a <math> element. Raises Unknown for TeX beyond the lessons' own."""
    reader = Reader(tex.strip())
    inner = reader.row("")
    display = " display='block'" if block else ""
    note = f"<annotation encoding='application/x-tex'>{html.escape(tex.strip())}</annotation>"
    return f"<math{display}><semantics><mrow>{inner}</mrow>{note}</semantics></math>"
