from html.parser import HTMLParser

from classifier.html.markup import Markup
from classifier.serving import web_page
from classifier.serving.web_page import Answer, Like

EVIL = "<script>alert(1)</script>\"'&"


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, name, attributes):
        self.found.append(name)


def test_names_from_outside_are_text_and_nothing_else():
    like = [Like(EVIL, EVIL, ""), Like(EVIL, EVIL, "data:image/webp;base64,")]
    answers = [Answer(EVIL, "data:", chances=[(EVIL, 0.5)], like=like), Answer(EVIL, problem=EVIL)]
    text = web_page.page(EVIL, EVIL, web_page.cards(answers), 1)
    assert Elements(text).found.count("script") == 1  # its own


def test_bars_are_as_long_as_classes_are_probable():
    text = web_page.card(Answer("a.jpg", "data:", chances=[("cat", 0.875), ("dog", 0.125)]))
    assert text.index("width:87.5%") < text.index("width:12.5%")
    assert "<span>cat</span> <span>87.5 %</span>" in text


def test_the_page_is_a_form_that_works_without_a_script():
    text = web_page.page("It knows 2 classes.", "", Markup(""), 1)
    assert '<form method="post" action="/" enctype="multipart/form-data" data-max-bytes=' in text
    assert '<label for="images">' in text
    assert "warning" not in text
