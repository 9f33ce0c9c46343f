import dataclasses
import html
from string import Template

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image

from classifier.head import HeadInfo
from classifier.images.conversion import with_ranges
from classifier.images.decode import decode_image
from classifier.images.grey_levels import Range
from classifier.inference.base import BaseInfo
from stages.export.model_card import accuracy_table, black_and_white, escape, model_card
from stages.export.models import READ_IMAGE
from stages.export.params import FORMATS

INFO = BaseInfo(
    ("mixed8",), "avg", 299, 200, (1280,), (1280,), "float32", "openvino", "float32", "imagenet"
)
HEAD = HeadInfo(("cat", "dog"), "imagenet", "", 1200, (0,), "")
SCORES = {"n": 60, "accuracy": 0.95, "accuracy_low": 0.8635, "accuracy_high": 0.9829}
METRICS = {"validation": SCORES | {"log_loss": 0.1234}}


def test_the_card_says_what_the_head_was_trained_on():
    text = model_card(INFO, HEAD, METRICS, [], 2.5)
    assert "InceptionV3, frozen up to its layer mixed8, and a head trained on 1,200 images" in text
    assert "of 2 classes: cat, dog." in text


def test_the_card_names_the_source_of_the_weights():
    for weights, text in {
        "imagenet": "weights, trained on ImageNet",
        "random": "RANDOM, untrained weights: this model is for smoke tests only",
        "sha256:12ab": "the weights of a file, sha256:12ab",
    }.items():
        info = dataclasses.replace(INFO, weights=weights)
        assert text in model_card(info, HEAD, METRICS, [], 2.5)


def test_accuracies_are_given_with_their_intervals():
    assert accuracy_table(METRICS).splitlines()[2:] == [
        "| validation | 60 | 95.0 % | 86.4 % to 98.3 % | 0.123 |"
    ]


def test_the_card_has_a_section_with_runnable_code_for_each_format():
    text = model_card(INFO, HEAD, METRICS, FORMATS, 2.5)
    for one in FORMATS:
        section = text.partition(f"## {one.path}\n")[2].partition("\n## ")[0]
        code = section.partition("```python\n")[2].partition("```")[0]
        compile(code, one.path, "exec")
        assert one.path in code
        assert "$" not in section
    assert "images of 200 x 299 pixels" in text


def draw_transparent(pixels):
    alpha = np.zeros(pixels.shape[:2], np.uint8)
    alpha[5:30, 5:30] = np.arange(25) * 10
    return Image.fromarray(np.dstack([pixels, alpha]))


@pytest.mark.parametrize(
    ("convert", "white"),
    [
        (Image.fromarray, 65535),
        (draw_transparent, 65535),
        (lambda pixels: Image.fromarray(pixels).convert("P"), 65535),
        (lambda pixels: Image.fromarray(pixels[..., 0]), 65535),
        (lambda pixels: Image.fromarray(pixels[..., 0].astype(np.uint16) * 250 + 7), 65535),
        (lambda pixels: Image.fromarray(pixels[..., 0].astype(np.uint16) * 16 + 7), 4095),
    ],
)
def test_the_code_reads_images_as_the_pipeline_does(convert, white, tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    convert(pixels).save(tmp_path / "image.png", exif=Image.Exif())
    (tmp_path / "labels.json").write_text('["Caf\u00e9"]', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    ranges = {"16-bit": Range(0, white)}
    code = Template(READ_IMAGE).substitute(black_and_white(with_ranges("16-bit", ranges)))
    exec(code, names)
    expected = decode_image((tmp_path / "image.png").read_bytes(), 40, 50, ranges=ranges).pixels
    assert (np.asarray(names["read_image"]("image.png")) == expected).all()
    assert names["labels"] == ["Caf\u00e9"]


def test_the_card_warns_where_formats_differ_from_int8_features():
    info = dataclasses.replace(INFO, precision="int8")
    warning = "Set `freeze.precision: float32` if all formats must agree"
    assert warning in model_card(info, HEAD, METRICS, FORMATS, 2.5)
    assert warning not in model_card(info, HEAD, METRICS, FORMATS[:1], 2.5)
    assert warning not in model_card(INFO, HEAD, METRICS, FORMATS, 2.5)


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
    text = html.unescape(MarkdownIt().render(model_card(INFO, head, METRICS, [], 2.5)))
    assert f"of 2 classes: cat, {name if shown is ... else shown}.</p>" in text


def test_plain_names_are_not_escaped():
    assert escape("jack-o'-lantern, Zürich (2)") == "jack-o'-lantern, Zürich (2)"
