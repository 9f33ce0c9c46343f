import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.html import markup
from classifier.html.markup import Markup, data, join, list_data, table, tag


class Parsed(HTMLParser):
    """The elements, attributes and text of a page."""

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
def test_any_text_is_shown_unchanged(text):
    seen = Parsed(tag("p", text, title=text))
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    assert seen.tags == ["p"]
    assert "".join(seen.words).replace("\r\n", "\n").replace("\r", "\n") == plain
    assert seen.attributes[0][0] == "title"


@given(st.recursive(st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_json_data_round_trips_and_cannot_end_its_element(value):
    text = data("name", value)
    assert text.count("</script>") == 1 and text.endswith("</script>")
    assert json.loads(text.split(">", 1)[1].removesuffix("</script>")) == value


@pytest.mark.parametrize("count", [0, 1, 7, 8])
def test_a_list_in_pieces_is_the_same_data(count, monkeypatch):
    monkeypatch.setattr(markup, "BLOCK", 7)
    items = [["</script>", number] for number in range(count)]
    assert "".join(list_data("name", iter(items))) == data("name", items)


def test_markup_is_not_escaped_and_none_is_left_out():
    assert tag("p", tag("b", "<"), None, " & ", 3) == "<p><b>&lt;</b> &amp; 3</p>"
    assert isinstance(join(["<", Markup("<br>")]), Markup)
    assert join(["<", Markup("<br>")]) == "&lt;<br>"


def test_attribute_names_become_those_of_html():
    assert tag("img", alt='"', aria_label="x", class_="y", hidden=True, title=None) == (
        '<img alt="&quot;" aria-label="x" class="y" hidden>'
    )


def test_the_first_column_of_a_table_names_its_rows():
    text = table("Scores", ["class", "n"], [["<a>", "12"]])
    assert "<caption>Scores</caption>" in text
    assert '<th scope="col">class</th><th scope="col" class="number">n</th>' in text
    assert '<th scope="row">&lt;a&gt;</th><td class="number">12</td>' in text
