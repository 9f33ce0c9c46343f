from html.parser import HTMLParser

from classifier.html.markup import Markup, join, tag
from classifier.serving import web_page

IMAGE = tag("img", src="data:")
EVIL = "<script>alert(1)</script>\"'&"


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.feed(text)

    def handle_starttag(self, name, attributes):
        self.names.append(name)


def test_names_with_html_stay_text():
    similar = [(EVIL, EVIL, ""), (EVIL, EVIL, "data:image/webp;base64,")]
    good = web_page.card(EVIL, IMAGE, "unknown", 4.2, [(EVIL, 0.5)], similar)
    text = web_page.page(EVIL, EVIL, join([good, web_page.problem_card(EVIL, EVIL)]), 1)
    assert Elements(text).names.count("script") == 1  # its own


def test_the_length_of_a_bar_is_the_probability():
    text = web_page.card("a.jpg", IMAGE, "", -0.5, [("cat", 0.875), ("dog", 0.125)], [])
    assert text.index("width:87.5%") < text.index("width:12.5%")
    assert "<span>cat</span> <span>87.5 %</span>" in text


def test_an_image_of_no_class_says_so_before_its_most_probable_class():
    text = web_page.card("a.jpg", IMAGE, "unknown", 4.25, [("cat", 0.875)], [])
    assert text.index("unknown: unlike the training images") < text.index("<span>cat</span>")
    assert "novelty 4.2" in text
    assert "novelty" not in web_page.card("a.jpg", IMAGE, "", float("nan"), [("cat", 1.0)], [])


def test_the_page_is_a_form_that_works_without_a_script():
    text = web_page.page("Two classes.", "", Markup(""), 1)
    assert '<form method="post" action="/" enctype="multipart/form-data" data-max-bytes=' in text
    assert '<label for="images">' in text
    assert "warning" not in text
