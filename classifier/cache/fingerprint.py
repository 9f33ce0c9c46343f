"""What a cached feature depends on besides the image's bytes, in one place.

Source code takes part through the version constants below, not through its text: whoever changes
what a function returns raises its version, and tests/cache/test_fingerprint.py, which holds
hashes of the results, fails until that is done.
"""

import hashlib

import numpy as np
from PIL import features

from classifier.images import colours
from classifier.images.augmentation import AugmentationParams, augmentation_id
from classifier.images.decode import heif_version

DECODE = 1  # of images/decode.py: bytes -> pixels
AUGMENTATION = 1  # of images/augmentation.py: pixels -> views
DECODE_RESULT = 3  # of images/decode.py: bytes -> problem, conversion, extremes, capture
PERCEPTUAL_HASH = 1  # of images/perceptual_hash.py: pixels -> hash
HEAT_MAP = 2  # of heat_maps.py: pixels, network and head -> heat map
THUMBNAIL = 1  # of html/thumbnails.py: pixels -> file
DETAIL = 1  # of stages/inspect/detail.py: pixels of two images -> difference
AXES = 1  # of similarity/pca.py: features -> principal axes
NETWORK = 1  # of inference/*_engine.py: pixels -> features, given the files of models/base
LIBRARIES = ("pil", "jpg", "libjpeg_turbo", "zlib", "webp", "avif", "libtiff")  # those that decode


def of_pixels() -> str:
    """Returns what identifies the way from bytes to pixels: its version and its libraries."""
    libraries = [f"{name} {features.version(name)}" for name in LIBRARIES]
    if heif := heif_version():
        libraries.append(f"heif {heif}")
    return f"decode {DECODE}, {', '.join(libraries)}"


def of_decode_result() -> str:
    """Returns what identifies the way from bytes to a decode result and its perceptual hash."""
    versions = f"decode result {DECODE_RESULT}, perceptual hash {PERCEPTUAL_HASH}"
    return f"{of_pixels()}, {versions}, {colours.version()}"


def of_thumbnail() -> str:
    """Returns what identifies the way from bytes to a thumbnail."""
    return f"{of_pixels()}, thumbnail {THUMBNAIL}"


def of_comparison() -> str:
    """Returns what identifies the way from the bytes of two images to their difference."""
    return f"{of_pixels()}, detail {DETAIL}"


def of_augmentation(params: AugmentationParams) -> str:
    """Returns all that an augmented copy depends on besides its image and number, as JSON."""
    return augmentation_id(params, AUGMENTATION)


def of_features(network: str, engine: str) -> str:
    """Returns a SHA-256 of all between an image's bytes and its features, in hexadecimal.

    `network` is a hash of the files of models/base; `engine` names libraries, versions and device.
    """
    return _hash(of_pixels(), f"network {NETWORK}", network, engine)


def of_heat_map(features: str, head: str) -> str:
    """Returns a SHA-256 of all between an image's bytes and its heat map, in hexadecimal.

    `features` is `of_features`; `head` is a hash of the files of models/head.
    """
    return _hash(f"heat map {HEAT_MAP}", features, head)


def of_axes(features: str) -> str:
    """Returns a SHA-256 of all that principal axes depend on; `features` identifies theirs."""
    return _hash(f"axes {AXES}, numpy {np.__version__}", features)


def of_text(text: str) -> str:
    """Returns a SHA-256 of what identifies something, in hexadecimal."""
    return _hash(text)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
