import inspect
import shutil

import h5py

from classifier.backbone import pretrained
from tests.project import SHARED


def test_name_address_and_hash_are_those_of_the_installed_keras():
    from classifier.inference.keras_backend import keras

    inception_v3 = keras.src.applications.inception_v3

    assert pretrained.URL == inception_v3.WEIGHTS_PATH_NO_TOP
    assert pretrained.URL.endswith("/" + pretrained.FILE)
    assert f'file_hash="{pretrained.MD5}"' in inspect.getsource(inception_v3)


def test_random_weights_are_known_wherever_they_lie(random_weights, tmp_path):
    shutil.copy(random_weights, tmp_path / "renamed.h5")
    assert pretrained.identity(tmp_path / "renamed.h5") == "random"


def test_other_weights_are_named_by_their_content(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = [1.0]
    digest = pretrained.digest(tmp_path / "a.h5", "sha256")
    assert pretrained.identity(tmp_path / "a.h5") == f"sha256:{digest}"


def test_the_published_hash_makes_weights_imagenets(tmp_path, monkeypatch):
    (tmp_path / "a.h5").write_bytes(b"stands for the official file")
    digest = pretrained.digest(tmp_path / "a.h5", "md5")
    monkeypatch.setattr(pretrained, "MD5", digest)
    assert pretrained.identity(tmp_path / "a.h5") == "imagenet"


def test_the_weights_beside_the_project_are_not_the_official_ones(real_weights):
    assert SHARED in real_weights.parents
    assert pretrained.identity(real_weights).startswith("sha256:")
