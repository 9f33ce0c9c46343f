import json
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from classifier.html.markup import Markup, data, join, table, tag


class Parsed(HTMLParser):
    """What a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, name, attributes):
        self.tags.append(name)
        self.attributes += attributes

    def handle_data(self, text):
        self.words.append(text)


@given(st.text())
def test_any_text_is_shown_as_it_is(text):
    seen = Parsed(tag("p", text, title=text))
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    assert seen.tags == ["p"]
    assert "".join(seen.words).replace("\r\n", "\n").replace("\r", "\n") == plain
    assert seen.attributes[0][0] == "title"


@given(st.recursive(st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_a_block_of_data_comes_back_and_nothing_in_it_ends_it(value):
    text = data("name", value)
    assert text.count("</script>") == 1 and text.endswith("</script>")
    assert json.loads(text.split(">", 1)[1].removesuffix("</script>")) == value


def test_markup_stays_and_nothing_is_left_out():
    assert tag("p", tag("b", "<"), None, " & ", 3) == "<p><b>&lt;</b> &amp; 3</p>"
    assert isinstance(join(["<", Markup("<br>")]), Markup)
    assert join(["<", Markup("<br>")]) == "&lt;<br>"


def test_attributes_are_named_as_html_has_them():
    assert tag("img", alt='"', aria_label="x", class_="y", hidden=True, title=None) == (
        '<img alt="&quot;" aria-label="x" class="y" hidden>'
    )


def test_a_tables_first_column_names_its_rows():
    text = table("Scores", ["class", "n"], [["<a>", "12"]])
    assert "<caption>Scores</caption>" in text
    assert '<th scope="row">&lt;a&gt;</th><td class="number">12</td>' in text
