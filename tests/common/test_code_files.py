import pytest

from classifier.common import code_files
from classifier.common.errors import run_main


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """A stage with two files of code, whose hashes are recorded."""
    monkeypatch.chdir(tmp_path)
    paths = [tmp_path / name for name in ("a.py", "b c.js")]
    for path in paths:
        path.write_text("text", encoding="utf-8")
    code_files.FOLDER.mkdir(parents=True)
    hashes = code_files.list_hashes(path.relative_to(tmp_path) for path in paths)
    (code_files.FOLDER / "train.txt").write_text(hashes, encoding="utf-8")
    return paths


def test_edited_and_deleted_files_are_named(stage):
    assert code_files.changed("train") == []
    stage[0].write_text("other", encoding="utf-8")
    stage[1].unlink()
    assert code_files.changed("train") == ["a.py", "b c.js"]
    assert code_files.changed("another program's stage") == []


def test_only_a_stage_that_dvc_runs_stops_for_them(stage, monkeypatch):
    stage[0].write_text("other", encoding="utf-8")
    run_main(lambda: None)
    monkeypatch.setenv("DVC_STAGE", "dvc.yaml:train")
    with pytest.raises(SystemExit, match=r"error: a\.py: must be as at the start of `dvc repro`"):
        run_main(lambda: None)
