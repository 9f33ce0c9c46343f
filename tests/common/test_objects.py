import re
from pathlib import Path

import pytest

from classifier.common import objects
from classifier.common.objects import ContentError, Version


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("s3://bucket/train/cat/1.jpg", "input/s3/bucket/train/cat/1.jpg"),
        ("https://example.org/a%20b.png?x=1", "input/https/example.org/a%20b.png?x=1"),
        ("file:///mnt/images/1.jpg", "input/file/mnt/images/1.jpg"),
    ],
)
def test_an_address_has_a_path_and_back(address, path):
    assert objects.path_of(address) == Path(path)
    assert objects.address_of(Path(path)) == address


@pytest.mark.parametrize(
    "address",
    ["", "cat.jpg", "ftp://host/x", "s3://", "s3://a//b", "s3://a/../b", "s3://a/./b", "s3://a/b/"],
)
def test_what_is_no_address_of_a_file_has_no_path(address):
    assert objects.path_of(address) is None


@pytest.mark.parametrize(
    "path", ["input/train/s3/x.jpg", "s3/bucket/x", "input/s3", "input/s3/../x"]
)
def test_other_paths_are_of_this_machine(path):
    assert objects.address_of(Path(path)) == ""


def test_versions_match_unless_something_known_differs():
    known = Version(12, "abc")
    assert known.matches(Version(-1, "abc")) and known.matches(Version(12, ""))
    assert not known.matches(Version(13, "abc")) and not known.matches(Version(12, "abd"))
    assert Version(12, "").signature == ""


def test_a_file_elsewhere_is_read_and_has_a_version(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"twelve bytes")
    address = (tmp_path / "x.jpg").as_uri()
    path = objects.path_of(address)
    with objects.opened(path) as file:
        assert file.read() == b"twelve bytes"
    assert objects.version(address).size == 12
    with pytest.raises(OSError):
        objects.read(address + "x")
    with pytest.raises(ContentError), objects.opened(path, 64 * "0"):
        pass


@pytest.mark.parametrize(
    ("path", "error", "expected"),
    [
        ("input/a.jpg", ContentError(), "changed while `dvc repro` was running; run it again"),
        ("input/s3/b/a.jpg", ContentError(), "got other content: make the list of images again; "),
        ("input/s3/b/a.jpg", FileNotFoundError(), "got no file: make the list of images again; "),
        (
            "input/s3/b/a.jpg",
            TimeoutError("slow"),
            r"cannot be read \(slow\); check s3://b/a.jpg, ",
        ),
    ],
)
def test_the_message_about_a_file_names_the_remedy_for_its_error(path, error, expected):
    assert re.match(rf"{path}: .*{expected}", objects.changed(path, error))
