from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from classifier.cache.results import ResultCache
from classifier.common.errors import StageError
from stages.export import model_outputs
from stages.export.model_outputs import Reader
from stages.export.params import FORMATS

READER = Reader((8, 8), {})
KERAS = next(one for one in FORMATS if one.name == "keras")


@pytest.fixture
def cache(tmp_path):
    with closing(ResultCache(tmp_path / "cache")) as opened:
        yield opened


@pytest.fixture
def images(tmp_path):
    """Returns a grey image, a white one, and a file that is none."""
    paths = [tmp_path / name for name in ("grey.png", "white.png", "odd.png")]
    for path, level in zip(paths, (51, 255), strict=False):
        Image.new("L", (9, 9), level).save(path)
    paths[2].write_bytes(b"odd")
    return list(map(str, paths))


def grey(loads: list[object]):
    """Returns a format whose model returns the grey level; counts how often it is loaded."""

    def load(path):
        loads.append(path)
        return lambda pixels: {"probabilities": pixels[:, 0, 0, :2] / 255}

    return replace(KERAS, load=load)


def outputs(one, folder, images, reader, cache):
    return model_outputs.of_export(one, folder, model_outputs.hashes(images), reader, cache)


def test_a_model_is_loaded_once_for_the_same_files_and_images(tmp_path, cache, images):
    (tmp_path / KERAS.path).write_bytes(b"model")
    one = grey(loads := [])
    for _ in range(2):
        found = outputs(one, tmp_path, images, READER, cache)
        values = [found[path].probabilities.tolist() for path in images[:2]]
        assert (values, len(found)) == ([[0.2, 0.2], [1, 1]], 2)
        assert min(output.seconds for output in found.values()) > 0
    assert len(loads) == 1
    (tmp_path / KERAS.path).write_bytes(b"another model")
    outputs(one, tmp_path, images, READER, cache)
    outputs(one, tmp_path, images, Reader((9, 9), {}), cache)
    Image.new("L", (9, 9), 52).save(images[0])
    outputs(one, tmp_path, images, Reader((9, 9), {}), cache)
    assert len(loads) == 4


def test_a_model_without_its_runtime_returns_nothing(tmp_path, cache, images):
    one = replace(grey([]), runtime="no_such_runtime")
    assert outputs(one, tmp_path, images, READER, cache) == {}


def test_images_elsewhere_are_read_and_one_that_is_gone_is_named(images):
    elsewhere = [f"input/file{path}" for path in images]
    expected = model_outputs.hashes(images)
    assert list(model_outputs.hashes(elsewhere).values()) == list(expected.values())
    Path(images[1]).unlink()
    with pytest.raises(StageError, match=f"^{elsewhere[1]}: must be .*: make the list of images"):
        model_outputs.hashes(elsewhere)


def test_the_files_of_an_export_are_its_file_or_its_folder(tmp_path):
    for name in ("classifier.keras", "openvino/model.xml", "openvino/model.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    openvino = next(one for one in FORMATS if one.name == "openvino")
    assert [path.name for path in model_outputs.own_files(KERAS, tmp_path)] == ["classifier.keras"]
    names = [path.name for path in model_outputs.own_files(openvino, tmp_path)]
    assert names == ["model.bin", "model.xml"]
