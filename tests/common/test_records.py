import numpy as np
import pytest

from classifier.common import records
from classifier.common.records import Records


@pytest.mark.parametrize("waiting", [0, 10**6, None])
def test_records_come_back_by_image_in_the_order_they_came(waiting, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "BLOCK", 4)
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        kept = Records(file, 11, np.dtype([("value", "<f4", (2,))]), waiting)
        for rows in ([9, 1, 2], [1, 10, 9], []):
            added = np.zeros(len(rows), [("value", "<f4", (2,))])
            added["value"] = np.array(rows).reshape(-1, 1) + np.array([0.25, len(rows)])
            kept.append(np.array(rows, int), added)
        found = list(kept)
    assert [one for one, _, _ in found] == [slice(0, 4), slice(4, 8), slice(8, 11)]
    assert [rows.tolist() for _, rows, _ in found] == [[1, 2, 1], [], [1, 2, 1]]
    assert found[2][2]["value"].tolist() == [[9.25, 12], [10.25, 13], [9.25, 12]]


def test_a_file_that_lost_its_end_is_an_error(tmp_path):
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        kept = Records(file, 2, np.dtype("<f4"))
        kept.append(np.arange(2), np.ones(2))
        blocks = iter(kept)
        kept._write()
        file.truncate(3)
        with pytest.raises(EOFError, match="bytes are missing"):
            list(blocks)
