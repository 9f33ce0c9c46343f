import dataclasses
import html

import pytest
from markdown_it import MarkdownIt

from classifier.head import HeadInfo
from classifier.images.conversion import with_ranges
from classifier.images.grey_levels import Range
from classifier.inference.base import BaseInfo
from stages.export.agreement import Agreement
from stages.export.model_card import accuracy_table, escape, model_card
from stages.export.params import FORMATS

INFO = BaseInfo(
    ("mixed8",), "avg", 299, 200, (1280,), (1280,), "float32", "openvino", "float32", "imagenet"
)
HEAD = HeadInfo(("cat", "dog"), "imagenet", "", 1200, (0,), "")
SCORES = {"n": 60, "accuracy": 0.95, "accuracy_low": 0.8635, "accuracy_high": 0.9829}
METRICS = {"validation": SCORES | {"log_loss": 0.1234}}


def test_the_card_says_what_the_head_was_trained_on():
    text = model_card(INFO, HEAD, METRICS, [], 2.5, [])
    assert "InceptionV3, frozen up to its layer mixed8, and a head trained on 1,200 images" in text
    assert "of 2 classes: cat, dog." in text


def test_the_card_names_the_source_of_the_weights():
    for weights, text in {
        "imagenet": "weights, trained on ImageNet",
        "random": "RANDOM, untrained weights: this model is for smoke tests only",
        "sha256:12ab": "the weights of a file, sha256:12ab",
    }.items():
        info = dataclasses.replace(INFO, weights=weights)
        assert text in model_card(info, HEAD, METRICS, [], 2.5, [])


def test_accuracies_are_given_with_their_intervals():
    assert accuracy_table(METRICS).splitlines()[2:] == [
        "| validation | 60 | 95.0 % | 86.4 % to 98.3 % | 0.123 |"
    ]


def test_the_card_has_a_section_with_runnable_code_for_each_format():
    text = model_card(INFO, HEAD, METRICS, FORMATS, 2.5, [])
    for one in FORMATS:
        section = text.partition(f"## {one.path}\n")[2].partition("\n## ")[0]
        code = section.partition("```python\n")[2].partition("```")[0]
        compile(code, one.path, "exec")
        assert one.path in code
        assert "$" not in section
    assert "images of 200 x 299 pixels" in text


def test_the_code_reads_deep_images_with_the_black_and_white_of_the_training_images():
    head = dataclasses.replace(HEAD, grey_ranges=with_ranges("16-bit", {"16-bit": Range(7, 4095)}))
    text = model_card(INFO, head, METRICS, FORMATS, 2.5, [])
    assert 'read_image("image.jpg", (200, 299), resize=True, range_16=(7.0, 4095.0))' in text
    assert 'read_image("image.jpg", (200, 299), range_16=(7.0, 4095.0))' in text


def test_the_card_says_how_closely_each_format_agrees():
    rows = [Agreement("onnx", 22.3, 170, 0.9941, 0.00412, 0.05, 0.9, 40), Agreement("keras", 88)]
    text = model_card(INFO, HEAD, METRICS, [], 2.5, rows)
    assert "Each model ran on 170 images in its own runtime" in text
    assert "| onnx | 22.3 | 99.4% | 0.0041 | 0.0500 | 90.0% |" in text
    assert "| keras | 88.0 | not measured | not measured |" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("[a](https://example.org) ![b](c) https://example.org", ...),
        ("`a` _b_ *c* | &lt; \\ \\* <!-- ~~d~~", ...),
        ("a\n# Title\u202e", "a\\n# Title\\u202e"),
        ("jack-o'-lantern, Zürich (2)", ...),
    ],
)
def test_a_markdown_reader_shows_class_names_as_they_are(name, shown):
    head = dataclasses.replace(HEAD, class_names=("cat", name))
    text = html.unescape(MarkdownIt().render(model_card(INFO, head, METRICS, [], 2.5, [])))
    assert f"of 2 classes: cat, {name if shown is ... else shown}.</p>" in text


def test_plain_names_are_not_escaped():
    assert escape("jack-o'-lantern, Zürich (2)") == "jack-o'-lantern, Zürich (2)"
