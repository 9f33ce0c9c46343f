import dataclasses
import os

import numpy as np
import pytest

from classifier.common.errors import StageError
from classifier.dataset import feature_writer, features
from tests.dataset.test_features import TABLE
from tests.feature_tables import contents, write


def inodes(folder):
    return {path.name: path.stat().st_ino for path in folder.iterdir()}


def with_other_labels(*rows):
    labels = TABLE.labels.copy()
    labels[list(rows)] += 1
    return dataclasses.replace(TABLE, labels=labels)


def test_only_parts_that_changed_are_written_and_nothing_shows_what_was_there(tmp_path):
    write(tmp_path / "a", TABLE, (2, 3))
    before = inodes(tmp_path / "a")
    write(tmp_path / "a", with_other_labels(2), (2, 3))
    kept = {name for name, inode in inodes(tmp_path / "a").items() if inode == before[name]}
    assert kept == {"part-000.npz", "part-002.npz"}
    write(tmp_path / "b", with_other_labels(2), (2, 3))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "gone"])
def test_a_damaged_part_is_replaced_and_what_it_was_a_link_to_is_left_alone(damage, tmp_path):
    write(tmp_path / "a", TABLE, (2,))
    before, path = contents(tmp_path / "a"), tmp_path / "a" / "part-001.npz"
    data = bytearray(before[path.name])
    data[data.index(TABLE.features[3].tobytes())] ^= 1
    damaged = {"flipped": bytes(data), "cut": bytes(data[:500]), "emptied": b"", "gone": b""}
    path.unlink()
    linked = tmp_path / "linked"
    linked.write_bytes(damaged[damage])
    linked.chmod(0o444)
    if damage != "gone":
        os.link(linked, path)
    write(tmp_path / "a", TABLE, (2,))
    assert contents(tmp_path / "a") == before
    assert linked.read_bytes() == damaged[damage]


def test_parts_and_leftovers_that_no_table_has_go_and_what_is_not_ours_stays(tmp_path):
    write(tmp_path / "a", TABLE, (1, 2, 3))
    for name in ("part-001.npz.999999999.part", "table.npz.999999999.part", "notes.txt"):
        (tmp_path / "a" / name).touch()
    write(tmp_path / "a", TABLE, (2,))
    assert sorted(contents(tmp_path / "a")) == [
        "notes.txt", "part-000.npz", "part-001.npz", "table.npz",
    ]  # fmt: skip


def test_text_apart_is_written_again_where_it_changed_or_is_damaged(tmp_path):
    write(tmp_path / "a", TABLE, (2,), text_apart=True)
    before, files = contents(tmp_path / "a"), inodes(tmp_path / "a")
    assert sorted(before) == [
        "part-000.npz", "part-000.parquet", "part-001.npz", "part-001.parquet", "table.npz",
    ]  # fmt: skip
    text = tmp_path / "a" / "part-001.parquet"
    text.unlink()
    text.write_bytes(before[text.name].replace(b"day", b"dax"))
    write(tmp_path / "a", TABLE, (2,), text_apart=True)
    assert contents(tmp_path / "a") == before
    assert {n for n, inode in inodes(tmp_path / "a").items() if inode == files[n]} == {
        "part-000.npz", "part-000.parquet",
    }  # fmt: skip


def test_files_of_text_go_with_their_parts_and_when_text_is_no_longer_apart(tmp_path):
    write(tmp_path / "a", TABLE, (1, 2), text_apart=True)
    (tmp_path / "a" / "part-000.parquet.999999999.part").touch()
    write(tmp_path / "a", with_other_labels(*range(4)), (3,), text_apart=True)
    assert len([name for name in contents(tmp_path / "a") if "parquet" in name]) == 2
    for text_apart in (False, True, False):
        write(tmp_path / "a", TABLE, text_apart=text_apart)
        assert features.read(tmp_path / "a").groups[:].tolist() == TABLE.groups.tolist()
        assert ("part-000.parquet" in contents(tmp_path / "a")) == text_apart


def test_a_run_that_stops_between_parts_is_completed_by_the_next(tmp_path, monkeypatch):
    write(tmp_path / "expected", with_other_labels(0, 4), (2,))
    write(tmp_path / "a", TABLE, (2,))

    def stop(path, columns, write=feature_writer.npz.write):
        if path.name == "part-001.npz":
            raise KeyboardInterrupt
        write(path, columns)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(feature_writer.npz, "write", stop)
        write(tmp_path / "a", with_other_labels(0, 4), (2,))
    with pytest.raises(StageError, match="it is from another run than table"):
        features.read(tmp_path / "a")
    first = inodes(tmp_path / "a")["part-000.npz"]
    write(tmp_path / "a", with_other_labels(0, 4), (2,))
    assert contents(tmp_path / "a") == contents(tmp_path / "expected")
    assert inodes(tmp_path / "a")["part-000.npz"] == first


def test_the_chunks_of_a_part_that_is_kept_are_not_asked_for(tmp_path):
    def chunks():
        asked.append(1)
        yield TABLE.features

    asked: list[int] = []
    for _ in range(2):
        columns = {"features": feature_writer.Column(np.dtype("<f4"), (5, 3), chunks())}
        feature_writer.write(tmp_path, {}, [feature_writer.Part("digest", columns)])
    assert asked == [1]
