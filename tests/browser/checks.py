"""What has to be true of every lesson in the browser. Each check raises AssertionError saying what was seen."""

from __future__ import annotations

from tests.browser.lab import HANDLE, OUTPUT, PICTURE, Notebook, press

SECONDS = 10.0  # until a picture must have followed a key; how quick it really is, a benchmark measures

# Watches an output frame by frame, as the eye does: is there a decoded picture, and does anything jump?
WATCH = """
output => {
  const seen = { frames: 0, blank: 0, pictures: new Set(), low: 1e9, high: 0, going: true };
  const look = () => {
    if (!seen.going) return;
    const image = output.querySelector('img[alt]');
    const height = output.getBoundingClientRect().height;
    seen.frames += 1;
    const decoded = image && image.complete && image.naturalWidth > 0;
    if (!decoded || image.getBoundingClientRect().height < 10) seen.blank += 1;
    if (image) seen.pictures.add(image.src);
    seen.low = Math.min(seen.low, height);
    seen.high = Math.max(seen.high, height);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  window.seen = seen;
}
"""
SEEN = """() => { const s = window.seen; s.going = false;
                  return { frames: s.frames, blank: s.blank, pictures: s.pictures.size, jump: s.high - s.low }; }"""

# Everything in the outputs that reaches out of its place, or words that are cut off.
CUT = """
() => {
  const found = [];
  const words = element => (element.alt || element.textContent || '').trim().slice(0, 60);
  const name = element => element.tagName.toLowerCase() + ' "' + words(element) + '"';
  const scrolls = element => ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
  const wide = 'img, svg, button, select, .noUi-target, .widget-readout, table, pre';
  for (const output of document.querySelectorAll('.jp-OutputArea-output')) {
    const edge = output.getBoundingClientRect();
    if (edge.width === 0) continue;
    for (const element of output.querySelectorAll(wide)) {
      const box = element.getBoundingClientRect();
      if (box.width > 0 && (box.right > edge.right + 2 || box.left < edge.left - 2)) {
        let scroller = element.parentElement;      // a table may scroll inside its own frame
        while (scroller !== output && !scrolls(scroller)) scroller = scroller.parentElement;
        const far = Math.round(Math.max(box.right - edge.right, edge.left - box.left));
        if (scroller === output) found.push(name(element) + ' reaches ' + far + ' px too far');
      }
    }
    for (const list of output.querySelectorAll('select')) {     // the longest text, arrow and padding beside it
      const pen = document.createElement('canvas').getContext('2d');
      pen.font = getComputedStyle(list).font;
      for (const option of list.options) {
        const short = pen.measureText(option.text).width + 30 - list.clientWidth;
        if (list.clientWidth > 0 && short > 0) found.push(`words cut off in a list: "${option.text}"`);
      }
    }
    for (const element of output.querySelectorAll('button, .widget-label')) {
      const cut = element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
      if (cut) found.push('words cut off: ' + name(element));
    }
  }
  return found;
}
"""


def check_no_errors(notebook: Notebook) -> None:
    """No cell failed, no picture shows an alert, no widget is broken."""
    errors = notebook.errors()
    assert not errors, f"{notebook.name}: " + "; ".join(errors)


def picture_of(handle) -> dict:
    """Source, alt text and status of the picture that belongs to a slider's handle."""
    return handle.evaluate(
        f"""handle => {{ const output = handle.closest('{OUTPUT}'); const image = output.querySelector('{PICTURE}');
            return {{ src: image.src, alt: image.alt, shown: image.complete && image.naturalWidth > 0,
                      status: [...output.querySelectorAll('[role=status]')].map(s => s.textContent).join(' '),
                      alerts: [...output.querySelectorAll('[role=alert]')].map(s => s.textContent).join(' ') }}; }}"""
    )


def wait_picture(notebook: Notebook, handle, good: str, src: str, what: str) -> None:
    """Wait until the picture's source is (good "===") or is not ("!==") `src`."""
    try:
        notebook.page.wait_for_function(
            f"([handle, src]) => handle.closest('{OUTPUT}').querySelector('{PICTURE}').src {good} src",
            arg=[handle.element_handle(), src],
            timeout=1000 * SECONDS,
        )
    except Exception as error:
        seen = picture_of(handle)
        state = handle.evaluate("h => [h.getAttribute('aria-valuenow'), document.activeElement === h]")
        details = f"value and focus {state}, kernel {notebook.kernel_status}, status {seen['status']!r}"
        raise AssertionError(f"{notebook.name}: {what}. {seen['alerts']} ({details})") from error


def check_slider(notebook: Notebook, handle) -> None:
    """One key changes the picture, the opposite key brings the first picture back."""
    handle.scroll_into_view_if_needed()
    name = handle.evaluate("h => h.closest('.widget-inline-hbox')?.querySelector('.widget-label')?.textContent")
    before = picture_of(handle)
    at_end = handle.evaluate("h => Number(h.getAttribute('aria-valuenow')) >= Number(h.getAttribute('aria-valuemax'))")
    key, back = ("ArrowLeft", "ArrowRight") if at_end else ("ArrowRight", "ArrowLeft")
    press(handle, key)
    wait_picture(notebook, handle, "!==", before["src"], f"{key} on {name!r} did not change the picture")
    after = picture_of(handle)
    assert not after["alerts"], f"{notebook.name}: {key} on {name!r}: {after['alerts']}"
    press(handle, back)
    wait_picture(notebook, handle, "===", before["src"], f"{back} on {name!r} did not bring the first picture back")
    again = picture_of(handle)
    assert again["status"] == before["status"], f"status after {key} and {back} on {name!r}: {again['status']!r}"


def check_words(notebook: Notebook, output) -> None:
    """A live picture is a decoded <img> with an alt text, and a status line under it is read aloud."""
    handle = output.locator(HANDLE).first
    seen = picture_of(handle)
    assert seen["shown"], f"{notebook.name}: the picture of {seen['alt']!r} is not decoded"
    assert len(seen["alt"]) >= 20, f"{notebook.name}: alt text {seen['alt']!r} says too little"
    assert len(seen["status"]) >= 10, f"{notebook.name}: no status line under {seen['alt']!r}"


def check_alt_texts(notebook: Notebook) -> None:
    """Every picture of every output says in words what it shows."""
    alts = notebook.page.locator(f"{OUTPUT} img").evaluate_all("images => images.map(image => image.alt)")
    silent = [alt for alt in alts if len(alt) < 20]
    assert not silent, f"{notebook.name}: {len(silent)} of {len(alts)} pictures have no real alt text: {silent}"


def hold_key(notebook: Notebook, output, handle, presses: int = 25, pause: float = 40) -> dict:
    """Hold an arrow key as a hand would and report what the eye saw: frames, blank, pictures, jump (px)."""
    handle.scroll_into_view_if_needed()
    handle.focus()
    output.evaluate(WATCH)
    for key in ("ArrowRight", "ArrowLeft"):
        for _ in range(presses // 2):
            notebook.page.keyboard.down(key)  # again without an up: the key repeats
            notebook.page.wait_for_timeout(pause)
        notebook.page.keyboard.up(key)
    notebook.page.wait_for_timeout(200)
    return notebook.page.evaluate(SEEN)


def check_steady(notebook: Notebook, output, handle) -> dict:
    """While a key is held there is a picture in every frame, and nothing on the page moves."""
    seen = hold_key(notebook, output, handle)
    assert seen["pictures"] >= 3, f"{notebook.name}: the picture hardly followed a held key: {seen}"
    assert seen["blank"] == 0, f"{notebook.name}: blank frames while a key was held: {seen}"
    assert seen["jump"] <= 1, f"{notebook.name}: the page jumped while a key was held: {seen}"
    return seen


def check_nothing_cut(notebook: Notebook, width: int) -> None:
    """In a window of this width (px) no output reaches out of its place and no label loses letters."""
    size = notebook.page.viewport_size
    notebook.page.set_viewport_size({"width": width, "height": size["height"]})
    notebook.page.wait_for_timeout(300)
    try:
        cut = notebook.page.evaluate(CUT)
    finally:
        notebook.page.set_viewport_size(size)
        notebook.page.wait_for_timeout(100)
    assert not cut, f"{notebook.name} in a window of {width} px: " + "; ".join(cut)
