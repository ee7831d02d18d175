"""The book in a browser: on a phone no page is wider than the screen, and no page asks the network for anything."""

import pytest

from course_utils.authoring.book import book


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    book(folder, ["10.1.3", "10.2.3"])
    return folder


@pytest.mark.parametrize("width", [400, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_fits_and_is_alone(browser, folder, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, asked_for = context.new_page(), []
    page.on("request", lambda request: asked_for.append(request.url))
    for path in sorted(folder.glob("*.html")):
        asked_for.clear()
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        assert [url for url in asked_for if not url.startswith(("file:", "data:"))] == []
        ink, back = page.evaluate(
            "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name].match(/\\d+/g)[0] * 1)"
        )
        assert (ink < 80 and back > 200) if scheme == "light" else (ink > 200 and back < 80)
    context.close()
