"""models/exported/README.md: what the exported classifier is, and how to load it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from string import Template
from typing import Any

import numpy as np

from classifier.common.errors import count
from classifier.head import HeadInfo
from classifier.images import conversion
from classifier.images.grey_levels import DEEP16, DEEP32
from classifier.inference.base import BaseInfo
from stages.export.agreement import Agreement
from stages.export.models import EXAMPLE, ExportFormat

NAME = "README.md"
WEIGHTS = {
    "imagenet": "The frozen part has Keras's weights, trained on ImageNet. According to Keras's "
    "documentation they are under the Apache License; the images of ImageNet have terms of their "
    "own.",
    "random": "The frozen part has RANDOM, untrained weights: this model is for smoke tests only.",
}


AGREEMENT = (
    "Each model ran on {images} in its own runtime, one at a time. Same class: the share for which "
    "its most probable class is the pipeline's. Differences are those in the probability of that "
    "class. Accuracy: on those that are test images."
)


def model_card(
    info: BaseInfo,
    head: HeadInfo,
    metrics: Mapping[str, Any],
    formats: Sequence[ExportFormat],
    threshold: float,
    rows: Sequence[Agreement],
) -> str:
    """Returns the model card of the exported `formats`, in Markdown.

    `metrics` are those of the validation and test images, `threshold` is that of the novelty,
    `rows` are those of results/exports.csv.
    """
    names = head.class_names
    classes = count(len(names), "class", "classes")
    parts = [
        "# Image classifier",
        f"InceptionV3, frozen up to its {escape(info.layer_names)}, and a head trained on "
        f"{count(head.train_images, 'image')} of {classes}: {', '.join(map(escape, names))}.",
        "## Accuracy",
        accuracy_table(metrics),
        "The intervals are 95 % Wilson intervals. They hold for images like those measured. An "
        "image of none of the classes also gets the probabilities of these: see `novelty` below.",
        "## Weights",
        WEIGHTS.get(
            info.weights, f"The frozen part has the weights of a file, {escape(info.weights)}."
        ),
        "## Input and output",
        "Input: uint8 pixels (N, height, width, 3), RGB, with EXIF orientation applied, "
        "transparent pixels made white, 16 or 32 bits scaled to 8 and colours in sRGB, as by "
        "`read_image.py`. The network sees them at "
        f"{info.image_width} x {info.image_height}, without keeping the aspect ratio, and scaled "
        "to [-1, 1]; the model scales them itself.",
        "Outputs: `probabilities`, float32 (N, classes), in the order of `labels.json`; each row "
        "sums to 1. `novelty`, float32 (N,), how unlike the training images an image is: 0 is "
        "usual for images of the classes, and it counts in standard deviations of these."
        + (
            f" Above {threshold:.3f} (`novelty` in `thresholds.json`) it is `unknown`: probably of "
            "none of the classes."
            if np.isfinite(threshold)
            else ""
        ),
    ]
    if rows:
        parts += [
            "## Agreement with the pipeline",
            AGREEMENT.format(images=measured(rows)),
            agreement_table(rows),
        ]
    parts += [_section(one, info, head) for one in formats]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Returns text that Markdown shows as it is: no markup, no HTML, no links, in one line."""
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    text = re.sub(r"[!-&*+./<-@\[-`{-~]", r"\\\g<0>", "".join(shown))  # most ASCII punctuation
    return text.replace(r"\<", "&lt;").replace(r"\>", "&gt;").replace(r"\&", "&amp;")


def _section(export: ExportFormat, info: BaseInfo, head: HeadInfo) -> str:
    size = {"width": info.image_width, "height": info.image_height}
    values = {"path": export.path, **size}
    arguments = [f"({info.image_width}, {info.image_height})"]
    arguments += ["resize=True"] * (not export.resizes)
    arguments += [f"{name}={levels}" for name, levels in grey_ranges(head).items()]
    text, code = (Template(one).substitute(values) for one in (export.input, export.code))
    call = f'read_image("image.jpg", {", ".join(arguments)})'
    code = Template(EXAMPLE).substitute(code=code, read=call)
    return f"## {export.path}\n\n{text}\n\n```python\n{code}\n```"


def grey_ranges(head: HeadInfo) -> dict[str, tuple[float, float]]:
    """Returns the arguments of `read_image` that say what is black and white in deep images."""
    ranges = conversion.ranges(head.grey_ranges)
    names = {DEEP16: "range_16", DEEP32: "range_32"}
    return {names[depth]: (black, white) for depth, (black, white) in ranges.items()}


def measured(rows: Sequence[Agreement]) -> str:
    """Returns the number of images in words."""
    return count(max(row.images for row in rows), "image")


def agreement_table(rows: Sequence[Agreement]) -> str:
    """Returns results/exports.csv as a Markdown table, without the speed, which varies."""
    head = ("format", "MB", "same class", "mean difference", "largest", "accuracy")
    formats = (".1f", ".1%", ".4f", ".4f", ".1%")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        name, size, _, *others, _ = astuple(row)
        cells = zip((size, *others), formats, strict=True)
        texts = ("not measured" if value is None else f"{value:{form}}" for value, form in cells)
        lines.append(f"| {name} | {' | '.join(texts)} |")
    return "\n".join(lines)


def accuracy_table(metrics: Mapping[str, Any]) -> str:
    """Returns the accuracy on the validation and test images as a Markdown table."""
    lines = ["| images | number | accuracy | 95 % interval | log loss |", "|---" * 5 + "|"]
    for name in ("validation", "test"):
        if scores := metrics.get(name):
            accuracy, low, high = (
                f"{100 * scores[key]:.1f} %"
                for key in ("accuracy", "accuracy_low", "accuracy_high")
            )
            lines.append(
                f"| {name} | {scores['n']:,} | {accuracy} | {low} to {high} "
                f"| {scores['log_loss']:.3f} |"
            )
    return "\n".join(lines)
