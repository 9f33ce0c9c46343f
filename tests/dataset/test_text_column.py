import tempfile
from pathlib import Path

import numpy as np
import pytest

from classifier.common import parquet
from classifier.dataset.lazy_array import LazyArray
from classifier.dataset.text_column import TextColumn

TEXTS = [["a", "é b"], [], ["", "input/test/ç.jpg"]]


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    found = []
    (tmp_path / "features").mkdir()
    for number, texts in enumerate(TEXTS):
        found.append(tmp_path / "features" / f"{number}.parquet")
        with parquet.open_writer(found[-1], {"paths": "string", "groups": "string"}) as write_row:
            for text in texts:
                write_row([text, "other"])
    return found


def column(paths: list[Path], name: str = "paths") -> LazyArray:
    return LazyArray(TextColumn(paths, name, [len(texts) for texts in TEXTS]).parts, text=True)


def test_rows_are_those_of_all_files(paths):
    found = column(paths)
    assert (len(found), found.shape, found.dtype) == (4, (4,), np.dtype("U17"))
    assert found[:].tolist() == [text for texts in TEXTS for text in texts]
    assert found[np.array([3, 0])].tolist() == ["input/test/ç.jpg", "a"]
    assert found.encoded[1:2].tolist() == ["é b".encode()]


def test_a_read_only_folder_is_read_all_the_same(paths, monkeypatch):
    def refuse(dir=None, new=tempfile.TemporaryFile):  # for root may write everywhere
        if dir:
            raise PermissionError(13, "Permission denied", str(dir))
        return new()

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert column(paths, "groups")[:].tolist() == ["other"] * 4


def test_its_copy_is_gone_when_it_is(paths):
    found = TextColumn(paths, "groups", [2, 0, 2])
    (file, _), part = found._copy, found.parts[0]
    assert part[1:2].tolist() == [b"other"] and not file.closed
    del found, part
    assert file.closed
