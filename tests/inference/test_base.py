from dataclasses import fields, replace

import pytest

from classifier.inference import base
from classifier.inference.base import BaseInfo

ABOUT = BaseInfo("mixed8", "avg", 299, 200, (1280,), "float32", "openvino", "float32", "imagenet")


def test_what_the_base_is_survives(tmp_path):
    base.write_info(tmp_path, ABOUT)
    assert base.read_info(tmp_path) == ABOUT


CHANGED = {
    "cut": "mixed9",
    "pooling": "none",
    "image_height": 300,
    "image_width": 201,
    "feature_shape": (1281,),
    "dtype": "float16",
    "engine": "tensorflow",
    "precision": "int8",
    "weights": "random",
}


@pytest.mark.parametrize("field", [field.name for field in fields(BaseInfo)])
def test_the_fingerprint_counts_every_value(field, tmp_path):
    base.write_info(tmp_path, ABOUT)
    before = base.fingerprint(tmp_path, "")
    base.write_info(tmp_path, replace(ABOUT, **{field: CHANGED[field]}))
    assert base.fingerprint(tmp_path, "") != before


def test_the_fingerprint_counts_every_file_and_the_recipe(tmp_path):
    base.write_info(tmp_path, ABOUT)
    (tmp_path / base.WEIGHTS).write_bytes(b"1")
    seen = {base.fingerprint(tmp_path, "pillow 1"), base.fingerprint(tmp_path, "pillow 2")}
    (tmp_path / base.WEIGHTS).write_bytes(b"2")
    seen.add(base.fingerprint(tmp_path, "pillow 1"))
    (tmp_path / "more").touch()
    seen.add(base.fingerprint(tmp_path, "pillow 1"))
    assert len(seen) == 4


def test_the_fingerprint_is_that_of_the_content_alone(tmp_path):
    folders = [tmp_path / "here", tmp_path / "there"]
    for folder in folders:
        folder.mkdir()
        base.write_info(folder, ABOUT)
    assert base.fingerprint(folders[0], "x") == base.fingerprint(folders[1], "x")
