"""What is listed below an address: folders, a web server, a real S3 server."""

import os

import pytest

from classifier.commands import _listing
from classifier.common.errors import StageError
from tests.project import touch
from tests.s3_server import needs_s3


def listed(address):
    """Returns the paths that are listed below an address, without it, and how many are left out."""
    listing = _listing.Listing(address)
    paths = [row.path for row in listing.rows()]
    assert paths == sorted(paths) and all(path.startswith(f"{address}/") for path in paths)
    return [path.removeprefix(f"{address}/") for path in paths], listing.left_out


NAMES = ("a/1.jpg", "a/z/1.jpg", "a-b/1.jpg", "a.b/c/1.jpg", "a b/1.jpg", "é/1.jpg", "a.jpg")


def test_rows_are_sorted_by_path_whatever_the_names_of_folders(tmp_path):
    names = [f"{split}/{name}" for split in ("train", "test", "unlabelled") for name in NAMES]
    touch(tmp_path, *names)
    assert listed(tmp_path.as_uri()) == (sorted(names), 0)


def test_linked_files_are_listed_and_linked_folders_left_out(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "test/1.jpg-b.jpg", "other/2.jpg")
    (tmp_path / "test" / "1.jpg").symlink_to(tmp_path / "other" / "2.jpg")
    (tmp_path / "train" / "loop").symlink_to(tmp_path)
    (tmp_path / "latest").symlink_to("nowhere")
    assert listed(tmp_path.as_uri()) == (["test/1.jpg", "test/1.jpg-b.jpg", "train/a/1.jpg"], 3)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not have such names")
def test_names_that_are_not_printable_are_left_out(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "train/a/2\n.jpg", os.fsdecode(b"test/caf\xe9.jpg"))
    assert listed(tmp_path.as_uri()) == (["train/a/1.jpg"], 2)


def test_a_web_server_may_list_empty_folders(server):
    folder, address = server
    touch(folder, "train/a/1.jpg", "train/b/c/2.jpg", "test/3.jpg")
    (folder / "train" / "empty").mkdir()
    assert listed(address) == (["test/3.jpg", "train/a/1.jpg", "train/b/c/2.jpg"], 0)


def test_classes_on_a_web_server_have_the_names_of_their_folders(server):
    folder, address = server
    touch(folder, "train/a b & c/1.jpg", "train/é/2.jpg")
    labels = {row.label for row in _listing.Listing(address).rows()}
    assert labels == {"a b & c", "é"}


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every folder")
def test_a_folder_that_cannot_be_read_is_an_error(tmp_path):
    touch(tmp_path, "train/a/1.jpg", "train/b/1.jpg")
    (tmp_path / "train" / "b").chmod(0)
    with pytest.raises(StageError, match="cannot be listed"):
        listed(tmp_path.as_uri())


@needs_s3
@pytest.mark.parametrize("most", [0, 1000])
def test_object_storage_is_listed_in_order_without_markers_of_folders(most, bucket, monkeypatch):
    monkeypatch.setattr(_listing, "FOLDERS", most)
    names = [f"{split}/{name}" for split in ("train", "test") for name in NAMES]
    for name in [*names, "", "train/", "train/empty/", "train/a/.hidden", "notes/1.txt"]:
        bucket.pipe_file(f"images/set/{name}", b"x" if name[-1:].strip("/") else b"")
    assert listed("s3://images/set") == (sorted(names), 2)
