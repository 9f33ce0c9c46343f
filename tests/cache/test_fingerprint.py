"""Golden results: one that changes under the same version would be mixed with cached ones."""

import base64
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier.cache import fingerprint
from classifier.html import thumbnails
from classifier.images.augmentation import AugmentationParams, augmented
from classifier.images.decode import decode_image
from classifier.images.perceptual_hash import perceptual_hash
from classifier.inference import base, engine, openvino_engine
from classifier.inference.base import BaseInfo
from stages.inspect import detail

REMEDY = (
    "the result has changed: raise {name} in classifier/cache/fingerprint.py, so that cached "
    "results are not used, and record {result!r} here under the new version. If only a newer "
    "Pillow changed it, record it under the present version: Pillow's is part of the key."
)
RANGES = AugmentationParams(40, 0.2, 0.2, 0.2, 0.2, True, 1)
DECODED = {  # SHA-256 of the pixels, by version and kind of image
    1: {
        "plain": "d20ad0e0e8f3a061ea76cc62158cf5632d08c230cc0bbc6434d975d02001e108",
        "transparent": "dabbe78fb0614cafdc5d3b05f5de3e9e22b8041b3222d4b1d36ba424a0a548f4",
        "16 bits": "e49b7d2b60f40429114016f09bd54f2f5326959330d7c25c9044d5c1506dc8f1",
        "rotated": "93a094e3dbb80a6b5ded19023921f2ec458b58e94d10455b45c567d8d67b0e0f",
        "large": "129978e0fb7237f6b5e0689c2fa1fa1a02e9746e5e3a87fb860c6a3dd40f45d2",
    }
}
AUGMENTED = {  # mean red, green and blue of each quarter, by version and number
    1: {
        1: [133, 123, 50, 40, 17, 9, 118, 95, 97, 28, 54, 18],
        2: [180, 57, 53, 61, 2, 2, 124, 99, 89, 18, 24, 6],
        3: [127, 126, 55, 36, 50, 21, 161, 86, 149, 69, 85, 70],
    },
}
PERCEPTUAL_HASHES = {1: "18c658d66729632984f764b79bca98ce5b399b09fcb067359b3164c664b69cc9"}
THUMBNAILS = {1: [84, 112, 119, 66, 62, 740]}  # height, width, mean colour, characters; by version
DIFFERENCES = {1: 27.272727272727273}  # of the image below
FEATURES = {1: [1.45426, 0.708691, 0.409967, 0.0717364]}  # of the network below, by version
KERNEL = np.random.default_rng(0).normal(size=(3, 3, 3, 4)).astype(np.float32)  # HWIO


def scene() -> Image.Image:
    """Returns a drawing of 120 x 90 pixels in integer arithmetic: the same on every machine."""
    y, x = np.mgrid[:90, :120]
    disc = (x - 70) ** 2 + (y - 40) ** 2 < 25**2
    levels = [2 * x, y + 120 * disc, x * y // 42]
    return Image.fromarray(np.stack(levels, axis=-1).astype(np.uint8))


def image_bytes(kind: str) -> bytes:
    """Returns the drawing as a lossless file of some kind."""
    image, options = scene(), {}
    if kind == "transparent":
        image.putalpha(image.getchannel("B"))
    elif kind == "16 bits":
        image = Image.fromarray(np.asarray(image.getchannel("R"), np.uint16) * 200)
    elif kind == "rotated":
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = 6
    elif kind == "large":
        image = image.resize((2400, 1800), Image.Resampling.NEAREST)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["plain", "transparent", "16 bits", "rotated", "large"])
def test_decoded_pixels_belong_to_their_version(kind):
    pixels = decode_image(image_bytes(kind), 75, 80).pixels
    result = hashlib.sha256(pixels.tobytes()).hexdigest()
    message = REMEDY.format(name="DECODE", result=result)
    assert DECODED.get(fingerprint.DECODE, {}).get(kind) == result, message


@pytest.mark.parametrize("number", [1, 2, 3])
def test_augmented_copies_belong_to_their_version(number):
    copy = augmented(np.asarray(scene()), "ab" * 32, number, RANGES)
    result = copy.reshape(2, 45, 2, 60, 3).mean(axis=(1, 3)).round().astype(int).ravel().tolist()
    golden = AUGMENTED.get(fingerprint.AUGMENTATION, {}).get(number, [])
    message = REMEDY.format(name="AUGMENTATION", result=result)
    assert golden == pytest.approx(result, abs=1), message  # platforms round differently


def test_the_perceptual_hash_belongs_to_its_version():
    result = perceptual_hash(np.asarray(scene())).hex()
    golden = PERCEPTUAL_HASHES.get(fingerprint.PERCEPTUAL_HASH)
    assert golden == result, REMEDY.format(name="PERCEPTUAL_HASH", result=result)


def test_the_difference_of_two_images_belongs_to_its_version():
    one = np.asarray(scene())
    other = (0.9 * np.roll(one, 1, axis=0) + 10).astype(np.uint8)
    result = detail.difference(one, other)
    golden = DIFFERENCES.get(fingerprint.DETAIL)
    assert golden == pytest.approx(result, rel=1e-6), REMEDY.format(name="DETAIL", result=result)


def test_a_thumbnail_belongs_to_its_version():
    pixels = decode_image(image_bytes("plain"), 84, 112)
    uri = thumbnails.data_uri(pixels).removeprefix(thumbnails.PREFIX)
    with Image.open(io.BytesIO(base64.b64decode(uri))) as image:
        small = np.asarray(image.convert("RGB"), float)
    mean = small.mean(axis=(0, 1)).round().astype(int).tolist()
    result = [*small.shape[:2], *mean, len(uri)]
    golden = THUMBNAILS.get(fingerprint.THUMBNAIL, [])
    message = REMEDY.format(name="THUMBNAIL", result=result)
    assert golden == pytest.approx(result, rel=0.02, abs=1), message  # versions of WebP differ


def write_openvino_network(folder: Path) -> None:
    """Writes a network that scales pixels, convolves and averages; no input order is neutral."""
    ops = openvino_engine.openvino().opset13
    pixels = ops.parameter([-1, 90, 120, 3], np.uint8)
    scaled = ops.subtract(
        ops.divide(ops.convert(pixels, np.float32), np.float32(127.5)), np.float32(1)
    )
    planes = ops.transpose(scaled, np.array([0, 3, 1, 2]))
    kernel = np.ascontiguousarray(KERNEL.transpose(3, 2, 0, 1))
    maps = ops.relu(ops.convolution(planes, kernel, [2, 2], [0, 0], [0, 0], [1, 1]))
    means = ops.reduce_mean(maps, np.array([2, 3]))
    network = openvino_engine.openvino().Model([means], [pixels])
    openvino_engine.write(network, folder / base.NETWORK)


def write_keras_network(folder: Path) -> None:
    """Writes the same network for TensorFlow."""
    from classifier.inference.keras_backend import keras

    layers = keras.layers
    convolution = layers.Conv2D(4, 3, strides=2, activation="relu", use_bias=False)
    scaling = layers.Rescaling(1 / 127.5, offset=-1.0)
    inputs = keras.Input((90, 120, 3), dtype="uint8")
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(convolution(scaling(inputs))))
    convolution.set_weights([KERNEL])
    (folder / base.ARCHITECTURE).write_text(model.to_json())
    model.save_weights(folder / base.WEIGHTS)


@pytest.mark.parametrize(
    ("kind", "write"),
    [
        ("openvino", write_openvino_network),
        pytest.param("tensorflow", write_keras_network, marks=pytest.mark.slow),
    ],
)
def test_features_belong_to_their_version(kind, write, tmp_path):
    write(tmp_path)
    info = BaseInfo((), "avg", 90, 120, (), (4,), "float32", kind, "float32", "")
    base.write_info(tmp_path, info)
    features = engine.load(tmp_path).features(np.asarray(scene())[None])[0]
    message = REMEDY.format(name="NETWORK", result=features.tolist())
    # processors sum in other orders; bfloat16 would differ by 1e-3
    assert FEATURES.get(fingerprint.NETWORK, []) == pytest.approx(features, rel=1e-4), message


@pytest.mark.parametrize("library", fingerprint.LIBRARIES)
def test_a_new_decoder_library_gives_new_keys(library, monkeypatch):
    keys = fingerprint.of_pixels, fingerprint.of_decode_result
    before, version = [key() for key in keys], fingerprint.features.version
    monkeypatch.setattr(
        fingerprint.features, "version", lambda name: "0" if name == library else version(name)
    )
    assert all(key() != old for key, old in zip(keys, before, strict=True))


def keys() -> dict[str, str]:
    return {
        "pixels": fingerprint.of_pixels(),
        "decode result": fingerprint.of_decode_result(),
        "thumbnail": fingerprint.of_thumbnail(),
        "comparison": fingerprint.of_comparison(),
        "augmentation": fingerprint.of_augmentation(RANGES),
        "features": fingerprint.of_features("hash of models/base", "openvino 1 on CPU"),
        "heat map": fingerprint.of_heat_map("features", "hash of models/head"),
        "axes": fingerprint.of_axes("features"),
    }


@pytest.mark.parametrize(
    ("constant", "changed"),
    [
        ("DECODE", {"pixels", "decode result", "thumbnail", "comparison", "features"}),
        ("THUMBNAIL", {"thumbnail"}),
        ("HEAT_MAP", {"heat map"}),
        ("AXES", {"axes"}),
        ("DETAIL", {"comparison"}),
        ("DECODE_RESULT", {"decode result"}),
        ("PERCEPTUAL_HASH", {"decode result"}),
        ("AUGMENTATION", {"augmentation"}),
        ("NETWORK", {"features"}),
    ],
)
def test_a_new_version_gives_new_keys(constant, changed, monkeypatch):
    before = keys()
    monkeypatch.setattr(fingerprint, constant, getattr(fingerprint, constant) + 1)
    assert {name for name, key in keys().items() if key != before[name]} == changed


def test_another_network_or_runtime_gives_new_keys():
    cases = [("a", "openvino 1 on CPU"), ("b", "openvino 1 on CPU"), ("a", "openvino 2 on CPU")]
    assert len({fingerprint.of_features(*case) for case in cases}) == len(cases)
