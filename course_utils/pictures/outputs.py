"""What a cell shows: one output in several forms, so that every reader of the notebook has one that it can show."""

from __future__ import annotations

import sys

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def bundle(widget, text: str, *, png: bytes = b"", page: str = "") -> dict:
    """The forms of one output: the live widget and a line of text that is the same on every machine.

    png: a still picture beside them, for GitHub, nbviewer and print. page: HTML beside them.
    """
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    forms = {WIDGET_VIEW: view, "image/png": png, "text/html": page, "text/plain": text}
    return {kind: form for kind, form in forms.items() if form}


def in_notebook() -> bool:
    """True under a Jupyter kernel (not under plain Python, pytest or terminal IPython)."""
    return "IPython" in sys.modules and hasattr(sys.modules["IPython"].get_ipython(), "kernel")


def sendable(text: str) -> str:
    """The text without half characters (a surrogate on its own), which no front end can be sent."""
    return text.encode("utf-8", "replace").decode("utf-8")


def say(text: str) -> None:
    """Print the text; a letter that the terminal's encoding does not have (cp1252, ASCII) becomes a question mark."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def show_bundle(forms: dict) -> None:
    """Display one output that carries several forms of the same thing."""
    from IPython.display import display

    display(forms, raw=True)
