import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.dataset.manifest import ImageRow
from classifier.images import augmentation
from classifier.images.augmentation import (
    MIRRORED,
    ORIGINAL,
    AugmentationParams,
    ViewParams,
    augmentation_id,
    augmented,
)

SHA = "ab" * 32
ROW = ImageRow("input/a.jpg", "train", "", SHA, 90, 60, "PNG")
RANGES = AugmentationParams(40, 0.2, 0.1, 0.3, 0.2, True, 1)
ZERO_RANGES = AugmentationParams(0, 0, 0, 0, 0, False, 1)
VIEWS = ViewParams(*dataclasses.astuple(RANGES), augmented_copies=2, tta_views=1)


def image(height: int = 60, width: int = 90) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    levels = [x * 255 / width, y * 255 / height, 127 + 120 * np.sin((x + 2 * y) / 9)]
    return np.stack(levels, axis=-1).astype(np.uint8)


def keras_view(pixels: np.ndarray, number: int) -> np.ndarray:
    """The same view, made by the function behind Keras's ImageDataGenerator."""
    from keras.src.legacy.preprocessing.image import apply_affine_transform

    height, width = pixels.shape[:2]
    fractions = augmentation.random_fractions(SHA, number, RANGES.seed)
    angle, shift_x, shift_y, shear, zoom_x, zoom_y = (2 * next(fractions) - 1 for _ in range(6))
    view = apply_affine_transform(
        pixels.astype(np.float32),
        theta=40 * angle,
        tx=0.2 * shift_x * width,
        ty=0.1 * shift_y * height,
        shear=math.degrees(0.3 * shear),
        zx=1 + 0.2 * zoom_x,
        zy=1 + 0.2 * zoom_y,
        row_axis=0,
        col_axis=1,
        channel_axis=2,
        fill_mode="nearest",
        order=1,
    )
    return view[:, ::-1] if next(fractions) < 0.5 else view


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras uses a deprecated name of SciPy
@pytest.mark.parametrize("number", range(1, 9))
def test_a_copy_is_what_keras_makes_with_the_same_random_numbers(number):
    square = image(80, 80)  # of others, Keras swaps height and width of the centre
    ours = augmented(square, SHA, number, RANGES)
    assert (ours.shape, ours.dtype) == ((80, 80, 3), np.uint8)
    assert np.abs(ours - keras_view(square, number)).max() <= 1.01  # Pillow rounds down


def test_copies_differ_by_number_image_and_seed():
    other_seed = dataclasses.replace(RANGES, seed=2)
    arguments = [(SHA, 1, RANGES), (SHA, 2, RANGES), ("cd" * 32, 1, RANGES), (SHA, 1, other_seed)]
    assert len({augmented(image(), *one).tobytes() for one in arguments}) == 4
    assert (augmented(image(), SHA, 1, RANGES) == augmented(image(), SHA, 1, RANGES)).all()


def test_ranges_of_zero_change_nothing():
    for number in (ORIGINAL, 1, 2):
        assert (augmented(image(), SHA, number, ZERO_RANGES) == image()).all()


def test_the_mirrored_view_is_only_mirrored():
    assert (augmented(image(), SHA, MIRRORED, RANGES) == image()[:, ::-1]).all()


def test_half_of_the_copies_are_mirrored():
    flips = dataclasses.replace(ZERO_RANGES, horizontal_flip=True)
    copies = [augmented(image(), SHA, number, flips) for number in range(1, 41)]
    mirrored = sum((copy == image()[:, ::-1]).all() for copy in copies)
    assert 10 < mirrored < 30
    assert sum((copy == image()).all() for copy in copies) == 40 - mirrored


@given(st.integers(1, 10**6), st.integers(0, 2**32 - 1))
def test_angles_stay_in_their_range(number, seed):
    rotation = dataclasses.replace(ZERO_RANGES, rotation_range=40, seed=seed)
    a, b, _, d, e, _ = augmentation.affine_matrix(SHA, number, rotation, 60, 90)
    assert abs(math.degrees(math.atan2(d, a))) <= 40
    assert a * e - b * d == pytest.approx(1)


def test_extreme_ranges_give_an_image():
    extreme = AugmentationParams(180, 1, 1, 1, 0.9, True, 3)
    for number in range(1, 30):
        assert augmented(image(), SHA, number, extreme).shape == (60, 90, 3)


def numbers(split: str, tta_views: int) -> list[int]:
    row = ROW._replace(split=split)
    settings = dataclasses.replace(VIEWS, tta_views=tta_views)
    return [view.number for view in augmentation.all_views([row], settings, "")]


def test_only_training_images_have_augmented_copies():
    assert numbers("train", 1) == [0, 1, 2]
    assert numbers("validation", 1) == numbers("test", 1) == [0]


def test_all_images_have_the_views_to_average():
    assert numbers("train", 2) == [0, -1, 1, 2]
    assert numbers("test", 2) == [0, -1]
    assert numbers("test", 5) == numbers("train", 5) == [0, -1, 1, 2, 3]


def keys(settings: ViewParams) -> dict[int, bytes]:
    views = augmentation.all_views([ROW], settings, augmentation_id(settings, 1))
    return {view.number: view.key for view in views}


def test_a_key_depends_on_content_number_and_ranges():
    two = keys(dataclasses.replace(VIEWS, tta_views=2))
    four = keys(dataclasses.replace(VIEWS, tta_views=2, augmented_copies=4))
    other = keys(dataclasses.replace(VIEWS, tta_views=2, zoom_range=0.3))
    assert two.items() <= four.items()
    assert {number for number in two if two[number] == other[number]} == {ORIGINAL, MIRRORED}
    assert two[ORIGINAL] == augmentation.view_key(SHA)
    assert len(set(four.values())) == 6


def test_a_new_version_gives_copies_new_keys():
    ids = [augmentation_id(RANGES, version) for version in (1, 2)]
    assert len({augmentation.view_key(SHA, 1, text) for text in ids}) == 2


def test_an_id_gives_back_its_params():
    assert augmentation.from_id(augmentation_id(VIEWS, 1)) == RANGES


def test_integer_and_float_ranges_of_the_same_value_have_the_same_id():
    integer = dataclasses.replace(RANGES, rotation_range=40, zoom_range=0)
    decimal = dataclasses.replace(RANGES, rotation_range=40.0, zoom_range=0.0)
    assert augmentation_id(integer, 1) == augmentation_id(decimal, 1)


def test_a_converted_image_has_a_key_of_its_own():
    keys = {augmentation.view_key(SHA, 0, "", text) for text in ("", "sRGB 1", "16-bit 0 4095")}
    assert len(keys) == 3
    assert augmentation.view_key(SHA) in keys
