import pytest

from classifier.commands import _replaced
from classifier.common.errors import StageError


def test_a_file_of_the_users_is_replaced_only_by_force(tmp_path):
    mine = tmp_path / "mine.html"
    mine.write_text("my page")
    with pytest.raises(StageError, match=r"mine\.html: exists already; choose another name, or"):
        _replaced.refuse(mine, force=False, mark=b"made here")
    _replaced.refuse(mine, force=True)
    mine.write_text("<meta content='made here'>")
    _replaced.refuse(mine, force=False, mark=b"made here")
    _replaced.refuse(tmp_path / "new.html", force=False)


def test_a_folder_is_never_replaced(tmp_path):
    with pytest.raises(StageError, match="must be a file; got a folder"):
        _replaced.refuse(tmp_path, force=True)
