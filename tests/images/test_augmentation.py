import dataclasses
import math

import numpy as np
import pytest
from classifier.images.averaging import ITSELF, MIRRORED, Averaging
from hypothesis import given
from hypothesis import strategies as st

from classifier.cache import features as feature_cache
from classifier.dataset.manifest import ImageRow
from classifier.images import augmentation
from classifier.images.augmentation import AugmentationParams, ViewParams

SHA = "ab" * 32
RANGES = AugmentationParams(40, 0.2, 0.1, 0.3, 0.2, True, 1)
STILL = AugmentationParams(0, 0, 0, 0, 0, False, 1)
COPIES = ViewParams(*dataclasses.astuple(RANGES), augmented_copies=2)


def image(height: int = 60, width: int = 90) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    levels = [x * 255 / width, y * 255 / height, 127 + 120 * np.sin((x + 2 * y) / 9)]
    return np.stack(levels, axis=-1).astype(np.uint8)


def by_keras(pixels: np.ndarray, number: int) -> np.ndarray:
    """The same view by the functions behind Keras's ImageDataGenerator."""
    from keras.src.legacy.preprocessing.image import apply_affine_transform

    height, width = pixels.shape[:2]
    drawn = augmentation.random_fractions(SHA, number, RANGES.seed)
    turn, right, down, shear, wide, tall = (2 * next(drawn) - 1 for _ in range(6))
    view = apply_affine_transform(
        pixels.astype(np.float32),
        theta=40 * turn,
        tx=0.2 * right * width,
        ty=0.1 * down * height,
        shear=math.degrees(0.3 * shear),
        zx=1 + 0.2 * wide,
        zy=1 + 0.2 * tall,
        row_axis=0,
        col_axis=1,
        channel_axis=2,
        fill_mode="nearest",
        order=1,
    )
    return view[:, ::-1] if next(drawn) < 0.5 else view


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras calls SciPy by an old name
@pytest.mark.parametrize("number", range(1, 9))
def test_a_view_is_that_of_kerass_own_transform(number):
    square = image(80, 80)  # of others, Keras takes height for width where it finds the centre
    ours = augmentation.augmented(square, SHA, number, RANGES)
    assert (ours.shape, ours.dtype) == ((80, 80, 3), np.uint8)
    assert np.abs(ours - by_keras(square, number)).max() <= 1.01  # Pillow rounds down


def test_views_differ_by_number_image_and_seed():
    other = dataclasses.replace(RANGES, seed=2)
    asked = [(SHA, 1, RANGES), (SHA, 2, RANGES), ("cd" * 32, 1, RANGES), (SHA, 1, other)]
    assert len({augmentation.augmented(image(), *one).tobytes() for one in asked}) == 4
    assert (
        augmentation.augmented(image(), SHA, 1, RANGES)
        == augmentation.augmented(image(), *asked[0])
    ).all()


def test_ranges_of_zero_alter_nothing():
    for number in (ITSELF, 1, 2):
        assert (augmentation.augmented(image(), SHA, number, STILL) == image()).all()


def test_mirrored_is_mirrored_and_nothing_else():
    assert (augmentation.augmented(image(), SHA, MIRRORED, RANGES) == image()[:, ::-1]).all()


def test_half_of_the_copies_are_mirrored():
    flips = dataclasses.replace(STILL, horizontal_flip=True)
    found = [augmentation.augmented(image(), SHA, number, flips) for number in range(1, 41)]
    mirrored = sum((view == image()[:, ::-1]).all() for view in found)
    assert 10 < mirrored < 30
    assert sum((view == image()).all() for view in found) == 40 - mirrored


@given(st.integers(1, 10**6), st.integers(0, 2**32 - 1))
def test_draws_fill_their_ranges_and_do_not_leave_them(number, seed):
    turn = dataclasses.replace(STILL, rotation_range=40, seed=seed)
    a, b, _, d, e, _ = augmentation.affine_matrix(SHA, number, turn, 60, 90)
    assert abs(math.degrees(math.atan2(d, a))) <= 40
    assert a * e - b * d == pytest.approx(1)


def test_extreme_ranges_give_a_image():
    wild = AugmentationParams(180, 1, 1, 1, 0.9, True, 3)
    for number in range(1, 30):
        assert augmentation.augmented(image(), SHA, number, wild).shape == (60, 90, 3)


def numbers(split: str, copies: ViewParams, average: int) -> list[int]:
    row = ImageRow("input/a.jpg", split, "", SHA, 90, 60, "PNG")
    return [view.number for view in augmentation.all_views([row], copies, Averaging(average))]


def test_only_training_images_have_copies_to_learn_from():
    assert numbers("train", COPIES, 1) == [0, 1, 2]
    assert numbers("validation", COPIES, 1) == numbers("test", COPIES, 1) == [0]


def test_averaged_views_are_there_for_all():
    assert numbers("train", COPIES, 2) == [0, -1, 1, 2]
    assert numbers("test", COPIES, 2) == [0, -1]
    assert numbers("test", COPIES, 5) == numbers("train", COPIES, 5) == [0, -1, 1, 2, 3]


def test_a_key_names_all_that_a_view_hangs_on():
    row = ImageRow("input/a.jpg", "train", "", SHA, 90, 60, "PNG")
    more = dataclasses.replace(COPIES, augmented_copies=4)
    other = dataclasses.replace(COPIES, zoom_range=0.3)
    one, two, three = (
        {view.number: view.key for view in augmentation.all_views([row], copies, Averaging(2))}
        for copies in (COPIES, more, other)
    )
    assert one.items() <= two.items()
    assert {n for n in one if one[n] == three[n]} == {ITSELF, MIRRORED}
    assert one[ITSELF] == feature_cache.feature_key(SHA)
    assert len(set(two.values())) == 6


def test_whole_numbers_and_others_of_the_same_value_draw_the_same():
    whole = dataclasses.replace(COPIES, rotation_range=40, zoom_range=0)
    same = dataclasses.replace(COPIES, rotation_range=40.0, zoom_range=0.0)
    assert whole.drawing() == same.drawing()
