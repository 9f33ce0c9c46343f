import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from classifier.images import decode, perceptual_hash


def look(image: Image.Image, quality: int = 95) -> np.ndarray:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    pixels = decode.decode_image(file.getvalue(), 64, 64).pixels
    return np.frombuffer(perceptual_hash.perceptual_hash(pixels), np.uint8)[None]


@pytest.fixture(scope="module")
def photos(photographs):
    return [Image.open(path).convert("RGB") for path in photographs]


def test_resized_and_recompressed_photographs_look_the_same(photos):
    for photo in photos:
        small = photo.resize((photo.width // 2, photo.height // 2))
        assert perceptual_hash.hash_distance(look(photo), look(small, 30))[0] < 0.1


def test_a_mirror_image_is_known_as_one(photos):
    for photo in photos:
        straight, mirrored = perceptual_hash.hash_distance(
            look(photo), look(ImageOps.mirror(photo))
        )
        assert mirrored < 0.1 < 0.25 < straight


def test_other_photographs_are_apart(photos):
    seen = np.concatenate([look(photo) for photo in photos])
    one, other = np.triu_indices(len(seen), 1)
    assert (
        min(found.min() for found in perceptual_hash.hash_distance(seen[one], seen[other])) > 0.25
    )


def test_plain_images_look_like_nothing_else():
    white, grey = (look(Image.new("RGB", (80, 60), colour)) for colour in ("white", "grey"))
    assert (
        perceptual_hash.hash_distance(white, grey)
        == (1, 1)
        == perceptual_hash.hash_distance(white, white)
    )


def test_the_table_comes_back_and_may_be_empty(tmp_path):
    for count in (0, 3):
        rows = np.arange(32 * count, dtype=np.uint8).reshape(count, 32)
        perceptual_hash.write(tmp_path / "looks.npy", rows.tobytes())
        assert (perceptual_hash.read(tmp_path / "looks.npy") == rows).all()
