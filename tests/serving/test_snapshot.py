import pytest

from classifier.common.errors import StageError
from classifier.serving import snapshot


def test_a_file_that_is_replaced_meanwhile_is_an_error_that_says_when_to_run_again(tmp_path):
    (tmp_path / "head.json").write_text("old")
    (tmp_path / "new").write_text("new")
    message = "run again once `dvc repro` is done"
    with pytest.raises(StageError, match=message), snapshot.unchanged(tmp_path):
        (tmp_path / "new").replace(tmp_path / "head.json")


def test_an_error_because_a_file_is_half_there_is_told_as_a_change(tmp_path):
    (tmp_path / "head.json").write_text("old")
    with pytest.raises(StageError, match="changed while read"), snapshot.unchanged(tmp_path):
        (tmp_path / "head.json").unlink()
        (tmp_path / "head.json").read_text()


def test_other_errors_stay_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), snapshot.unchanged(tmp_path):
        (tmp_path / "head.json").read_text()


def test_a_file_that_is_only_read_stays_the_same(tmp_path):
    (tmp_path / "a").write_text("a")
    before = snapshot.signature(tmp_path)
    with snapshot.unchanged(tmp_path):
        (tmp_path / "a").read_text()
    assert snapshot.signature(tmp_path) == before != []
