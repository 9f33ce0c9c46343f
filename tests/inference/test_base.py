import json
from dataclasses import fields, replace

import pytest

from classifier.common.errors import StageError
from classifier.inference import base
from classifier.inference.base import BaseInfo

INFO = BaseInfo(
    ("mixed8",), "avg", 299, 200, (1280,), (1280,), "float32", "openvino", "float32", "imagenet"
)
OTHER = {
    "layers": ("mixed8", "mixed9"),
    "layer_sizes": (1281,),
    "pooling": "none",
    "image_height": 300,
    "image_width": 201,
    "feature_shape": (1281,),
    "dtype": "float16",
    "engine": "tensorflow",
    "precision": "int8",
    "weights": "random",
}


def test_info_round_trips_through_its_file(tmp_path):
    base.write_info(tmp_path, INFO)
    assert base.read_info(tmp_path) == INFO


@pytest.mark.parametrize("field", [field.name for field in fields(BaseInfo)])
def test_the_hash_covers_every_value(field, tmp_path):
    base.write_info(tmp_path, INFO)
    before = base.files_hash(tmp_path)
    base.write_info(tmp_path, replace(INFO, **{field: OTHER[field]}))
    assert base.files_hash(tmp_path) != before


def test_the_description_names_every_layer():
    description = "up to layer mixed8, 299x200, float32, imagenet"
    assert str(INFO) == f"InceptionV3 {description}"
    several = replace(INFO, layers=("mixed2", "mixed8", "mixed10"))
    assert several.layer_names == "layers mixed2, mixed8 and mixed10"


def test_layers_are_put_in_network_order_each_once():
    assert base.in_network_order(["mixed10", "mixed2", "mixed10"]) == ("mixed2", "mixed10")


@pytest.mark.parametrize("values", [{}, {"last_layer": "mixed8"}, {"layers": ["mixed8"]}])
def test_a_file_of_another_version_is_an_error(values, tmp_path):
    (tmp_path / base.INFO).write_text(json.dumps(values))
    with pytest.raises(
        StageError, match=r"base\.json: written by another version of this project;"
    ):
        base.read_info(tmp_path)


def test_the_hash_covers_names_and_contents_of_all_files(tmp_path):
    base.write_info(tmp_path, INFO)
    hashes = {base.files_hash(tmp_path)}
    for content in (b"1", b"2"):
        (tmp_path / base.WEIGHTS).write_bytes(content)
        hashes.add(base.files_hash(tmp_path))
    (tmp_path / "more").touch()
    hashes.add(base.files_hash(tmp_path))
    assert len(hashes) == 4


def test_the_hash_does_not_depend_on_the_folder(tmp_path):
    folders = [tmp_path / "here", tmp_path / "there"]
    for folder in folders:
        folder.mkdir()
        base.write_info(folder, INFO)
    assert base.files_hash(folders[0]) == base.files_hash(folders[1])
