"""A notebook in JupyterLab, driven as a learner would: run cells, press keys, read what is on the page."""

from __future__ import annotations

import re
import time
from pathlib import Path

import nbformat

# The notebook panel of a page that shows one document.
PANEL = "[...window.jupyterapp.shell.widgets('main')].find(w => w.sessionContext && w.content.model)"
OUTPUT = ".jp-OutputArea-output"
PICTURE = "img[alt]"
HANDLE = ".noUi-handle"


def write_notebook(path: Path, *cells: str) -> Path:
    """Make a notebook of code cells. It names its kernel: without one JupyterLab asks, and a test would hang."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nb, path)
    return path


class Notebook:
    """One notebook open on a playwright page. Cells are counted from 0, Markdown cells too."""

    def __init__(self, page, server, name: str, timeout: float = 120):
        self.page, self.server, self.name = page, server, name
        self.page_errors: list[str] = []
        page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        page.goto(server.url(name), timeout=1000 * timeout)
        page.wait_for_function(
            f"() => window.jupyterapp && {PANEL} && {PANEL}.context.isReady && {PANEL}.sessionContext.isReady",
            timeout=1000 * timeout,
        )
        self.wait_idle(timeout)
        self.mark_cells()

    # ------------------------------------------------------------------------------------------------- kernel
    @property
    def kernel_status(self) -> str:
        """ "idle", "busy", "dead" ..."""
        return self.page.evaluate(f"() => {PANEL}.sessionContext.session?.kernel?.status ?? 'none'")

    def wait_idle(self, timeout: float = 60) -> None:
        """Wait until the kernel has nothing to do. Raises TimeoutError, naming the status it hangs in."""
        end = time.monotonic() + timeout
        while (status := self.kernel_status) != "idle":
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name}: the kernel is still {status!r} after {timeout:.0f} s")
            self.page.wait_for_timeout(50)

    def command(self, name: str) -> None:
        """Start one of JupyterLab's commands without waiting for it."""
        self.page.evaluate(
            "name => { window.commandDone = false; const end = () => { window.commandDone = true; };"
            " window.jupyterapp.commands.execute(name).then(end, end); }",
            name,
        )

    def wait_command(self, timeout: float) -> None:
        """Wait for the end of the last command and of everything it started in the kernel."""
        try:
            self.page.wait_for_function("() => window.commandDone", timeout=1000 * timeout)
        except Exception as error:
            raise TimeoutError(f"{self.name}: still {self.kernel_status!r} after {timeout:.0f} s") from error
        self.wait_idle(timeout)

    def run_all(self, timeout: float = 420) -> None:
        """Run All Cells, and wait."""
        self.command("notebook:run-all-cells")
        self.wait_command(timeout)
        self.mark_cells()

    def select(self, place: int) -> None:
        """Make a cell the active one."""
        script = f"place => {{ const n = {PANEL}.content; n.deselectAll(); n.activeCellIndex = place; }}"
        self.page.evaluate(script, place)

    def start_cell(self, place: int) -> None:
        """Run one cell and return at once."""
        self.select(place)
        self.command("notebook:run-cell")

    def run_cell(self, place: int, timeout: float = 60) -> None:
        """Run one cell and wait for its end."""
        self.start_cell(place)
        self.wait_command(timeout)

    def close(self) -> None:
        """End the kernel: the next notebook gets the memory."""
        self.page.evaluate(f"async () => {{ await {PANEL}.sessionContext.shutdown(); }}")

    def fresh_kernel(self) -> None:
        """Start a kernel where `close` has ended one."""
        self.page.evaluate(f"async () => {{ await {PANEL}.sessionContext.changeKernel({{ name: 'python3' }}); }}")

    # -------------------------------------------------------------------------------------------------- cells
    def mark_cells(self) -> None:
        """Number the cells on the page, so that they can be found by [data-place]."""
        self.page.evaluate(f"() => {PANEL}.content.widgets.forEach((cell, k) => {{ cell.node.dataset.place = k; }})")

    def cells(self) -> list[dict]:
        """All cells as the notebook model has them now: cell_type, source, outputs."""
        return self.page.evaluate(f"() => {PANEL}.content.model.toJSON().cells")

    def source(self, place: int) -> str:
        """Text of a cell."""
        return "".join(self.cells()[place]["source"])

    def places(self, pattern: str) -> list[int]:
        """Places of the code cells whose source matches a regular expression."""
        return [
            place
            for place, cell in enumerate(self.cells())
            if cell["cell_type"] == "code" and re.search(pattern, "".join(cell["source"]), re.M)
        ]

    def set_source(self, place: int, source: str) -> None:
        """Replace the text of a cell."""
        self.page.evaluate(
            f"([place, source]) => {PANEL}.content.model.cells.get(place).sharedModel.setSource(source)",
            [place, source],
        )

    def text(self, place: int) -> str:
        """What a cell printed or showed, as plain text."""
        parts = []
        for output in self.cells()[place].get("outputs", []):
            parts.append(output.get("text", ""))
            parts.append(output.get("data", {}).get("text/plain", ""))
        return "\n".join("".join(part) for part in parts)

    def errors(self) -> list[str]:
        """Errors in the outputs of all cells, and alerts on the page."""
        wrong = []
        for place, cell in enumerate(self.cells()):
            for output in cell.get("outputs", []):
                if output["output_type"] == "error":
                    wrong.append(f"cell {place}: {output['ename']}: {output['evalue']}")
        for alert in self.page.locator(f"{OUTPUT} [role=alert]").all_text_contents():
            wrong.append(f"alert on the page: {alert.strip()[:400]}")
        broken = self.page.get_by_text(re.compile(r"Error (displaying|creating) widget|Loading widget"))
        wrong += [f"broken widget: {text}" for text in broken.all_text_contents()]
        return wrong + [f"error in the page: {error}" for error in self.page_errors]

    # ------------------------------------------------------------------------------------------------ the page
    def cell(self, place: int):
        """Locator of a cell."""
        return self.page.locator(f"[data-place='{place}']")

    def outputs(self):
        """Locators of all outputs that show both a slider and a picture."""
        outputs = self.page.locator(OUTPUT)
        for part in (HANDLE, PICTURE):
            outputs = outputs.filter(has=self.page.locator(part))
        return outputs.all()

    def screenshot(self, path: Path, place: int | None = None) -> None:
        """Keep a picture of the page, or of one cell."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if place is None:
            self.page.screenshot(path=path)
        else:
            self.cell(place).scroll_into_view_if_needed()
            self.cell(place).screenshot(path=path)


def press(target, key: str) -> None:
    """Put the keyboard focus on a control, with no click, and press a key there."""
    target.scroll_into_view_if_needed()
    target.focus()
    target.press(key)


def wait_for(page, what: str, condition, seconds: float = 10):
    """Ask `condition` until it gives something true, and return that. Raises AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        page.wait_for_timeout(30)
    return answer
