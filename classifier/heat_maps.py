"""Heat maps: which parts of an image speak for a class, and which against it.

A feature is the average of a map over the image, so each place of the image has a share in it, and
through the head a share in the logit of the class. With a linear layer on the averages this is the
class activation map (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization").
With a hidden layer the weights are the gradient of the logit at the averages (Grad-CAM, Selvaraju
et al. 2017). With powers of the averages they are the gradient divided by the power: of f^p, each
place gets the part that it has of f. The shares add up to the logit, without its bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from classifier.head import Branch, Head, relu
from classifier.inference import base, engine, maps
from classifier.inference.maps import MapsFunction

SIDE = 32  # of a heat map, whatever the sizes of the maps
STEPS = (32, 16, 8)  # pixels between the places of a map: from mixed8, mixed3 and mixed0 on
MARGIN = 5.5  # pixels, in addition to half a step, from the edge to the first place's share
PADDED = 3  # places added on each side


@dataclass(frozen=True)
class Explainer:
    """The head, and the maps that its features are the averages of."""

    head: Head
    maps: MapsFunction

    def heat_maps(self, pixels: np.ndarray, classes: Sequence[int]) -> np.ndarray:
        """Returns how much each place speaks for a class of an image: float64 (N, SIDE, SIDE).

        Compared with the mean of all classes: positive for the class, negative against it.

        Args:
            pixels: uint8 (N, H, W, 3).
            classes: N indices of classes, N is 1 or more.
        """
        layers, size = self.maps(pixels), pixels.shape[1:3]
        each = (
            heat_map([layer[number] for layer in layers], self.head, class_, *size)
            for number, class_ in enumerate(classes)
        )
        return np.stack(list(each))


def load(head: Head) -> Explainer:
    """Returns the explainer of a head on the network in models/base."""
    if not head.network:
        return Explainer(head, maps.load(base.FOLDER))
    frozen, upper = engine.load(base.FOLDER), maps.of_openvino(head.network)
    return Explainer(head, lambda pixels: upper(frozen.features(pixels).astype(np.float16)))


def heat_map(
    layers: Sequence[np.ndarray], head: Head, class_: int, height: int, width: int
) -> np.ndarray:
    """Returns how much each place speaks for a class, float64 (SIDE, SIDE); see `heat_maps`.

    Args:
        layers: float (h, w, c), the maps of an image.
        head: that the maps are of.
        class_: index.
        height: of the image that the maps were computed from, pixels.
        width: of the same image.
    """
    each = shares([layer.astype(np.float64) for layer in layers], head, class_)
    return np.asarray(sum(enlarged(one, height, width) for one in each))


def shares(layers: Sequence[np.ndarray], head: Head, class_: int) -> list[np.ndarray]:
    """Returns how much each place speaks for a class, float64 (h, w) for each layer.

    The averages over the layers add up to the logit of the class less the mean of the logits, both
    without the head's bias, in which no place has a share.

    Args:
        layers: float64 (h, w, c), the maps of an image.
        head: whose branches are averaged.
        class_: index.
    """
    features = np.concatenate([layer.mean(axis=(0, 1)) for layer in layers])
    slopes = np.mean([_slopes(branch, features) for branch in head.branches], axis=0)
    weights = slopes[:, class_] - slopes.mean(axis=1)  # (D,)
    ends = np.cumsum([layer.shape[2] for layer in layers])[:-1]
    return [layer @ part for layer, part in zip(layers, np.split(weights, ends), strict=True)]


def _slopes(branch: Branch, features: np.ndarray) -> np.ndarray:
    """Returns the weight of each feature in each logit, (D, C)."""
    values = features if branch.power == 1 else relu(features) ** branch.power
    powers = np.divide(values, features, out=np.zeros_like(values), where=features != 0)
    *hidden, (slopes, _, _) = branch.layers
    active = []
    for kernel, offset, _ in hidden:  # whose activation is relu
        values = relu(values @ kernel + offset)
        active.append((kernel, values > 0))
    for kernel, on in reversed(active):
        slopes = kernel @ (on[:, None] * slopes)
    return powers[:, None] * slopes


def enlarged(layer: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns values at the places of a map as an array (SIDE, SIDE) that covers the image.

    InceptionV3 pads no image where it reduces its size, so the places of a map leave a margin: of
    299 pixels, the 8 of mixed10 are the middles of 32 pixels each, from pixel 21.5 on.

    Args:
        layer: float (h, w).
        height: of the image that the map was computed from, pixels.
        width: of the same image.
    """
    boxes = []
    for places, pixels in zip(layer.shape, (height, width), strict=True):
        step = next(step for step in STEPS if places * step <= pixels)
        start = PADDED - (step / 2 + MARGIN) / step
        boxes.append((start, start + pixels / step))
    (top, bottom), (left, right) = boxes
    padded = Image.fromarray(np.pad(layer, PADDED, "edge").astype(np.float32))
    resized = padded.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    return np.asarray(resized, np.float64)
