import io

import pytest

from classifier.common.errors import StageError
from classifier.serving import inputs

NAMES = ["a.jpg", "Café/日本.png", "with space.jpg"]
TEXT = "\n".join(NAMES)


def paths(data: bytes) -> list[str]:
    return list(inputs.read_paths(io.BytesIO(data), "list.txt"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_list_may_have_a_byte_order_mark_and_windows_line_ends(encoding, end):
    assert paths((TEXT.replace("\n", end) + end + end).encode(encoding)) == NAMES


def test_a_big_endian_list_is_read():
    assert paths(b"\xfe\xff" + TEXT.encode("utf-16-be")) == NAMES


@pytest.mark.parametrize("data", [b"a.jpg\nb\0c.jpg\n", TEXT.encode("utf-16-le")])
def test_a_nul_byte_is_an_error_with_its_line(data):
    with pytest.raises(StageError, match=r"list.txt, line [12]: must be a path in UTF-8; got a NU"):
        paths(data)


def test_a_broken_utf_16_list_is_an_error():
    with pytest.raises(StageError, match=r"list.txt: must be text in UTF-8"):
        paths(b"\xff\xfea\0\0\xd8\n\0")
