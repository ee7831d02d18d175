"""The book: two lessons as pages. Links lead to pages, pictures say what they show, nothing is fetched."""

import re
from html.parser import HTMLParser

import nbformat
import pytest

from course_utils.authoring import book, notebooks
from course_utils.authoring.formulas import Unknown, mathml
from course_utils.authoring.template import WIDGET_VIEW
from course_utils.contents import LESSONS, lesson
from course_utils.pictures import table

CHOSEN = ("00", "10.1.3")
EMPTY = ("img", "meta", "br", "hr", "input", "col", "wbr", "link")


class Page(HTMLParser):
    """The tags of a page with their attributes, and which are left open."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.wrong = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open += [tag] if tag not in EMPTY else []

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag in self.open:
            self.wrong.append(tag)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    return {path.name: path.read_text(encoding="utf-8") for path in book.book(folder, list(CHOSEN))}


def test_the_pages_are_there(pages):
    assert set(pages) == {"00_start_here.html", "10.1.3_cosine_decay.html", "all_claims.html", "index.html"}


def test_links_lead_to_pages_of_the_book_or_out(pages):
    for name, text in pages.items():
        for link in Page(text).all("a"):
            target = link["href"].split("#")[0]
            assert not target or target in pages or target.startswith("https://"), f"{name}: {target}"
        assert ".ipynb" not in " ".join(link["href"] for link in Page(text).all("a"))
    links = [link["href"] for link in Page(pages["10.1.3_cosine_decay.html"]).all("a")]
    assert "00_start_here.html" in links and "index.html" in links


def test_nothing_is_fetched(pages):
    for text in pages.values():
        page = Page(text)
        assert not {"script", "link", "iframe", "object", "embed", "video", "base"} & {tag for tag, _ in page.tags}
        sources = [
            value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "srcset")
        ]
        assert all(source.startswith("data:") for source in sources)
        assert not re.search(r"url\(|@import", re.search(r"<style>.*?</style>", text, re.S).group())
        assert "default-src 'none'" in page.all("meta")[1]["content"]


def test_every_picture_says_what_it_shows(pages):
    pictures = [picture for text in pages.values() for picture in Page(text).all("img")]
    assert len(pictures) > 10 and all(len(picture["alt"]) > 10 for picture in pictures)
    alts = " ".join(picture["alt"] for picture in pictures)
    assert "The cosine leaves its peak of 0.1 slowly, crosses half of it in the middle" in alts
    assert "A picture with sliders, standing still: Cosine decay" in alts


def test_cards_and_formulas_are_there_and_the_set_up_is_folded(pages):
    text = pages["10.1.3_cosine_decay.html"]
    assert "Claim 10.1.3-a" in text and text.count('<article class="measured">') == 8
    assert Page(text).tags.count(("details", {})) == 1 and ("math", {"display": "block"}) in Page(text).tags
    assert "prefers-color-scheme: dark" in text and "width=device-width" in text


def test_the_contents_list_every_lesson(pages):
    for entry in LESSONS:
        assert book.html.escape(str(entry)) in pages["index.html"]
    assert pages["index.html"].count("<li><a") == len(CHOSEN)


@pytest.mark.parametrize("entry", [entry for entry in LESSONS if entry.available], ids=lambda entry: entry.number)
def test_every_formula_of_the_lessons_is_read(entry):
    page = Page(book.inside(entry, book.exporter()))
    assert not [attributes for attributes in page.all("code") if attributes.get("class") == "tex"]


def test_formulas_are_what_tex_means():
    half = mathml(r"\tfrac12")
    assert "<mn>1</mn><mn>2</mn></mfrac>" in half
    assert "<msubsup><mi>α</mi><mn>0</mn><mn>2</mn></msubsup>" in mathml(r"\alpha_0^2")
    assert "<munderover><mo>∑</mo>" in mathml(r"\sum_{i=1}^n i", block=True) and "display='block'" in mathml("x", True)
    assert mathml(r"\text{a < b}").count("&lt;") == 2 and "<mtr><mtd>" in mathml(
        r"\begin{cases}a & b\\[2pt] c & d\end{cases}"
    )
    assert Page(mathml(r"\left(\frac{a}{\sqrt{b}}\right)")).open == []


@pytest.mark.parametrize("tex", [r"\unheard{x}", "{", r"\frac{a", "a_", r"\begin{cases}a", r"\left(a", "}", r"\text{a"])
def test_what_is_no_known_tex_is_shown_as_it_is(tex):
    with pytest.raises(Unknown):
        mathml(tex)
    assert book.formula(tex).startswith("<code class=tex>")


def test_a_link_out_of_the_book_becomes_its_text():
    page = "<a href='x.ipynb#part'>X</a> "
    page += '<a class="q" href="10.1.3_cosine_decay.ipynb#part">C</a> <a href=\'#here\'>h</a>'
    assert book.linked(page, {"10.1.3_cosine_decay"}) == (
        '<span>X</span> <a class="q" href="10.1.3_cosine_decay.html#part">C</a> <a href=\'#here\'>h</a>'
    )


def picture(title, **metadata):
    data = {"image/png": "iVBORw0KGgo=", "text/plain": f"Picture: {title}"}
    return nbformat.v4.new_output("display_data", data, metadata=metadata)


def alts(source, *outputs):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, outputs=list(outputs))])
    book.give_alts(nb)
    return [output.metadata["image/png"]["alt"] for output in outputs]


def test_alt_texts_come_from_the_output_the_code_or_the_title():
    source = 'show(f(title="A"), alt="one " "line")\nshow(g(), alt=f"two {x}" + " lines")'
    assert alts(source, picture("A"), picture("B")) == ["A. one line", "B. two … lines"]
    assert alts(source, picture("B"), picture("C"), picture("A")) == ["Picture: B", "Picture: C", "A. one line"]
    assert alts("%magic", picture("A", **{"image/png": {"alt": "its own"}}), picture("B")) == ["its own", "Picture: B"]


def test_an_execution_keeps_the_alt_texts_of_widgets():
    output = picture("A")
    output.data[WIDGET_VIEW] = {"model_id": "box"}
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output, picture("B")])])
    html = {"state": {"value": '<img alt="a &lt; b &amp; c" src="">'}}
    state = {"box": {"state": {"children": ["IPY_MODEL_none", "IPY_MODEL_html"]}}, "html": html}
    notebooks.keep_alts(nb, state)
    notebooks.clean(nb)
    assert [dict(output.metadata) for output in nb.cells[0].outputs] == [{"image/png": {"alt": "a < b & c"}}, {}]
    nbformat.validate(nb)


def test_a_table_is_told_row_by_row():
    output = picture("T")
    output.data[WIDGET_VIEW] = {"model_id": "t"}
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])
    box = table([["a & b", 1.5], ["c", None]], ["name", "value"], title="T").widget
    notebooks.keep_alts(nb, {"t": {"state": {"value": box.children[0].value}}})
    assert output.metadata["image/png"]["alt"].startswith("T; name, value; a & b, 1.5; c, ")


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    assert book.main([str(tmp_path), "--lesson", "99"]) == 1 and "there is no lesson '99'" in capsys.readouterr().err
    assert lesson("00").available
