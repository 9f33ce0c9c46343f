import numpy as np
import pytest

from classifier.common.scratch import Scratch
from stages.validate import record_file
from stages.validate.record_file import RecordFile


@pytest.mark.parametrize("count", [0, 4, 11])
def test_records_are_read_in_the_order_they_came(count, tmp_path, monkeypatch):
    monkeypatch.setattr(record_file, "BLOCK", 4)
    records = [(number, number / 8) for number in range(count)]
    with Scratch(tmp_path) as scratch:
        kept = RecordFile(scratch, np.dtype([("number", np.uint64), ("value", np.float64)]))
        for record in records:
            kept.append(record)
        assert kept.rows()[:].tolist() == kept.rows()[:].tolist() == records
