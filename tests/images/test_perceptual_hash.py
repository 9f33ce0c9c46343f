import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from classifier.images import decode, perceptual_hash
from classifier.images.perceptual_hash import hash_distance


def hash_row(image: Image.Image, quality: int = 95) -> np.ndarray:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    pixels = decode.decode_image(file.getvalue(), 64, 64).pixels
    return np.frombuffer(perceptual_hash.perceptual_hash(pixels), np.uint8)[None]


@pytest.fixture(scope="module")
def photos(photographs):
    return [Image.open(path).convert("RGB") for path in photographs]


def test_a_resized_and_recompressed_photograph_has_nearly_the_same_hash(photos):
    for photo in photos:
        small = photo.resize((photo.width // 2, photo.height // 2))
        assert hash_distance(hash_row(photo), hash_row(small, 30))[0] < 0.1


def test_a_mirror_image_is_recognised(photos):
    for photo in photos:
        straight, mirrored = hash_distance(hash_row(photo), hash_row(ImageOps.mirror(photo)))
        assert mirrored < 0.1 < 0.25 < straight


def test_different_photographs_are_far_apart(photos):
    hashes = np.concatenate([hash_row(photo) for photo in photos])
    one, other = np.triu_indices(len(hashes), 1)
    assert min(map(np.min, hash_distance(hashes[one], hashes[other]))) > 0.25


def test_plain_images_are_far_from_every_other():
    white, grey = (hash_row(Image.new("RGB", (80, 60), colour)) for colour in ("white", "grey"))
    assert hash_distance(white, grey) == (1, 1) == hash_distance(white, white)


@pytest.mark.parametrize("count", [0, 3, 12_000])
def test_hashes_are_written_and_read_back(count, tmp_path):
    hashes = np.arange(32 * count, dtype=np.uint8).reshape(count, 32)
    with perceptual_hash.open_writer(tmp_path / "hashes.npy") as write_hash:
        for one in hashes:
            write_hash(one.tobytes())
    assert np.array_equal(np.load(tmp_path / "hashes.npy"), hashes)


def test_part_of_a_hash_is_an_error_and_leaves_no_file(tmp_path):
    with (
        pytest.raises(ValueError, match="32 bytes each; got 31 too many"),
        perceptual_hash.open_writer(tmp_path / "hashes.npy") as write_hash,
    ):
        write_hash(bytes(63))
    assert list(tmp_path.iterdir()) == []
