from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.drawings import CLASS_NAMES, draw, plan, write_samples


def test_same_arguments_give_the_same_pixels() -> None:
    assert np.array_equal(np.asarray(draw("mug", 3)), np.asarray(draw("mug", 3)))


def test_different_seeds_give_different_pictures() -> None:
    assert draw("apple", 1).tobytes() != draw("apple", 2).tobytes()


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_every_class_draws_a_picture_with_something_on_it(class_name: str) -> None:
    picture = draw(class_name, 4)
    assert picture.mode == "RGB"
    assert sorted(picture.size) == [240, 320]
    assert np.asarray(picture).std() > 10


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(ValueError):
        draw("teapot", 1)


def test_samples_lie_in_the_folders_described(tmp_path: Path) -> None:
    assert write_samples(tmp_path, train_per_class=1, test=3) == 6
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    train = [f"train/{name}/{name}_01.jpg" for name in CLASS_NAMES]
    assert found == ["test/photo_01.jpg", "test/photo_02.jpg", "test/photo_03.jpg", *train]
    with Image.open(tmp_path / "test" / "photo_01.jpg") as picture:
        assert picture.format == "JPEG"


def test_test_pictures_are_new_shuffled_and_do_not_name_their_class(tmp_path: Path) -> None:
    wanted = plan(tmp_path, train_per_class=24, test=12)
    test = [(name, seed, path) for name, seed, path in wanted if path.parent.name == "test"]
    classes = [name for name, _, _ in test]
    assert all(classes.count(name) == 4 for name in CLASS_NAMES)
    assert classes not in (sorted(classes), list(CLASS_NAMES) * 4)
    assert not any(name in path.name for name in CLASS_NAMES for _, _, path in test)
    assert not {seed for _, seed, _ in test} & {seed for _, seed, _ in wanted[: 3 * 24]}
