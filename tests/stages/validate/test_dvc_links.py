import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo

from stages.validate import dvc_links

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # in DVC


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """A DVC repository with an image, as the working directory."""
    monkeypatch.chdir(tmp_path)
    with Repo.init(no_scm=True) as repo:
        Path("input/train/a").mkdir(parents=True)
        Path("input/train/a/1.jpg").write_text("an image", encoding="utf-8")
        yield repo


def test_the_database_is_found_where_dvc_has_it(repo, monkeypatch):
    assert Path(Repo().site_cache_dir) == dvc_links._folder()
    monkeypatch.delenv("DVC_SITE_CACHE_DIR")
    for level in ("global", "repo", "local"):  # each overrides those before
        with repo.config.edit(level) as config:
            core = config.setdefault("core", {})
            core["site_cache_dir"] = str(Path(f"{level}, with a comma").absolute())
        assert level in Repo().site_cache_dir
        assert Path(Repo().site_cache_dir) == dvc_links._folder()


@pytest.mark.parametrize("order", ["add, repro", "repro, add"])
def test_images_stay_when_dvc_add_is_undone(order, repo):
    for step in order.split(", "):
        repo.add("input/train") if step == "add" else dvc_links.keep_images()
    repo.remove("input/train.dvc")
    shutil.rmtree(repo.cache.local.path)
    repo.checkout()
    assert Path("input/train/a/1.jpg").exists()


def test_folders_other_than_input_are_left_to_dvc(repo):
    Path("inputs").mkdir()
    Path("inputs/1.jpg").write_text("an image", encoding="utf-8")
    dvc_links.keep_images()
    repo.add("inputs")
    repo.remove("inputs.dvc")
    repo.checkout()
    assert not Path("inputs").exists()


def test_without_dvc_nothing_happens(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    dvc_links.keep_images()
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().err == ""
