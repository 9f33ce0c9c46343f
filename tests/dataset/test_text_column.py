from pathlib import Path

import numpy as np
import pytest

from classifier.common import parquet
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


def test_rows_are_those_of_all_files_as_utf_8(paths):
    column = TextColumn(paths, "paths", 4)
    assert (len(column), column.shape, column.dtype) == (4, (4,), np.dtype("S17"))
    assert [text.decode() for text in column[:].tolist()] == [t for texts in TEXTS for t in texts]
    assert column[np.array([3, 0])].tolist() == ["input/test/ç.jpg".encode(), b"a"]


def test_its_copy_is_gone_when_it_is(paths):
    column = TextColumn(paths, "groups", 4)
    rows = column._rows
    assert column[1:2].tolist() == [b"other"]
    del column
    with pytest.raises(ValueError, match="closed file"):
        rows[:]
