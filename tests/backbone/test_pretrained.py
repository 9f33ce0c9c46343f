import inspect
import shutil

import h5py

from classifier.backbone import pretrained
from tests.project import SHARED


def test_name_address_and_hash_match_the_installed_keras():
    from classifier.inference.keras_backend import keras

    inception_v3 = keras.src.applications.inception_v3

    assert pretrained.URL == inception_v3.WEIGHTS_PATH_NO_TOP
    assert pretrained.URL.endswith("/" + pretrained.FILE)
    assert f'file_hash="{pretrained.MD5}"' in inspect.getsource(inception_v3)


def test_random_weights_are_recognised_under_any_name(random_weights, tmp_path):
    shutil.copy(random_weights, tmp_path / "renamed.h5")
    assert pretrained.identity(tmp_path / "renamed.h5") == "random"


def test_other_weights_are_identified_by_their_content(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = [1.0]
    sha256 = pretrained.file_hash(tmp_path / "a.h5", "sha256")
    assert pretrained.identity(tmp_path / "a.h5") == f"sha256:{sha256}"


def test_a_file_with_the_official_md5_is_imagenet(tmp_path, monkeypatch):
    (tmp_path / "a.h5").write_bytes(b"stands for the official file")
    monkeypatch.setattr(pretrained, "MD5", pretrained.file_hash(tmp_path / "a.h5", "md5"))
    assert pretrained.identity(tmp_path / "a.h5") == "imagenet"


def test_the_shared_weights_are_not_the_official_file(real_weights):
    assert SHARED in real_weights.parents
    assert pretrained.identity(real_weights).startswith("sha256:")
