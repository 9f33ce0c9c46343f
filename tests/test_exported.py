import json

import pytest

from classifier import exported
from classifier.common.errors import StageError
from classifier.exported import ExportedInfo
from classifier.head import HeadInfo

HEAD = HeadInfo(("cat", "dog"), "imagenet", "f" * 64, 9, (0, -1), "", layers=("mixed8",))
INFO = ExportedInfo(HEAD, 299, 200, 3, 2.5, 0.0)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "model.xml").touch()
    exported.write_info(tmp_path, INFO)
    return tmp_path


def test_what_is_written_is_read(folder):
    assert exported.read_info(folder) == INFO


def test_a_folder_of_another_version_or_without_openvino_is_an_error(folder):
    values = json.loads((folder / exported.INFO).read_text())
    del values["head"]["layers"]
    (folder / exported.INFO).write_text(json.dumps(values))
    with pytest.raises(StageError, match=r"written by another version.*run `dvc repro`"):
        exported.read_info(folder)
    (folder / "openvino" / "model.xml").unlink()
    with pytest.raises(StageError, match=r"model.xml: there is no such file; .*export.openvino"):
        exported.read_info(folder)
