"""models/exported/README.md: what the exported classifier is, and how to load it."""

import re
from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

import numpy as np

from classifier.common.errors import count
from classifier.head import HeadInfo
from classifier.images import conversion
from classifier.images.grey_levels import DEEP16, DEEP32
from classifier.inference.base import BaseInfo
from stages.export.models import ExportFormat

NAME = "README.md"
WEIGHTS = {
    "imagenet": "The frozen part has Keras's weights, trained on ImageNet. According to Keras's "
    "documentation they are under the Apache License; the images of ImageNet have terms of their "
    "own.",
    "random": "The frozen part has RANDOM, untrained weights: this model is for smoke tests only.",
}


def model_card(
    info: BaseInfo,
    head: HeadInfo,
    metrics: Mapping[str, Any],
    formats: Sequence[ExportFormat],
    threshold: float,
) -> str:
    """Returns the model card of the exported `formats`, in Markdown.

    `metrics` are those of results/metrics.json, `threshold` is that of the novelty.
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
        "transparent pixels made white and 16 or 32 bits scaled to 8. The network sees them at "
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
    if info.precision == "int8" and any(one.name != "openvino" for one in formats):
        parts.append(
            "The head was trained on features computed in int8. Only the OpenVINO model computes "
            "them in the same way; the probabilities of the other formats differ, for single "
            "images by tenths. Set `freeze.precision: float32` if all formats must agree."
        )
    parts += [_section(one, info, head.grey_ranges) for one in formats]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Returns text that Markdown shows as it is: no markup, no HTML, no links, in one line."""
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    text = re.sub(r"[!-&*+./<-@\[-`{-~]", r"\\\g<0>", "".join(shown))  # most ASCII punctuation
    return text.replace(r"\<", "&lt;").replace(r"\>", "&gt;").replace(r"\&", "&amp;")


def _section(export: ExportFormat, info: BaseInfo, grey_ranges: str) -> str:
    values: dict[str, object] = {
        "path": export.path,
        "width": info.image_width,
        "height": info.image_height,
        **black_and_white(grey_ranges),
    }
    text, code = (Template(one).substitute(values) for one in (export.input, export.example))
    return f"## {export.path}\n\n{text}\n\n```python\n{code}\n```"


def black_and_white(grey_ranges: str) -> dict[str, tuple[float, ...]]:
    """Returns the values of `$range_16` and `$range_32` in READ_IMAGE."""
    ranges = conversion.ranges(grey_ranges)
    return {
        "range_16": tuple(ranges.get(DEEP16, (0.0, 65535.0))),
        "range_32": tuple(ranges.get(DEEP32, (0.0, 1.0))),
    }


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
