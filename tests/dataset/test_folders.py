from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from classifier.dataset import folders


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def listed(root: Path) -> list[tuple[str, str, str]]:
    return [
        (e.path.relative_to(root).as_posix(), e.split, e.folder) for e in folders.find_files(root)
    ]


def test_the_first_folder_below_a_split_names_the_class(tmp_path):
    make(tmp_path, "train/cat/1.jpg", "train/cat/kittens/2.jpg", "validation/dog/3.jpg")
    assert listed(tmp_path) == [
        ("train/cat/1.jpg", "train", "cat"),
        ("train/cat/kittens/2.jpg", "train", "cat"),
        ("validation/dog/3.jpg", "validation", "dog"),
    ]


def test_test_images_may_be_loose_or_nested(tmp_path):
    make(tmp_path, "test/1.jpg", "test/monday/early/2.jpg")
    assert listed(tmp_path) == [
        ("test/1.jpg", "test", ""),
        ("test/monday/early/2.jpg", "test", "monday"),
    ]


def test_files_come_in_path_order(tmp_path):
    make(tmp_path, "test/b.jpg", "test/a/z.jpg", "test/B.jpg", "train/x/ä.jpg", "train/x/10.jpg")
    paths = [path for path, _, _ in listed(tmp_path)]
    assert paths == sorted(paths) and len(paths) == 5


@given(
    st.sets(
        st.text("aB-.0 ~\u00e4", min_size=1, max_size=3).filter(lambda t: t.strip(".")), max_size=6
    )
)
def test_any_names_come_in_path_order(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("names")
    make(root, *(f"test/{name}/{name}" for name in names), *(f"test/{name}.jpg" for name in names))
    paths = [path for path, _, _ in listed(root)]
    assert paths == sorted(paths)
    visible = [name for name in names if not name.startswith(".")]
    assert len(paths) == 2 * len(visible)


def test_system_files_are_skipped_and_counted(tmp_path):
    make(tmp_path, "train/.DS_Store", "train/a/Thumbs.db", "train/a/._1.jpg", "train/.git/x")
    make(tmp_path, "train/__MACOSX/a/1.jpg")
    left_out = folders.LeftOut()
    assert list(folders.find_files(tmp_path, left_out)) == []
    assert set(left_out.system_files) == {".DS_Store", "._1.jpg", ".git/", "Thumbs.db", "__MACOSX/"}
    assert folders.class_folders(tmp_path, "train") == ["a"]


def test_symlinks_are_followed_but_not_in_a_cycle(tmp_path):
    make(tmp_path, "elsewhere/1.jpg", "train/a/2.jpg")
    (tmp_path / "train" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "train" / "c").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "train")
    left_out = folders.LeftOut()
    files = folders.find_files(tmp_path, left_out)
    paths = {file.path.relative_to(tmp_path).as_posix() for file in files}
    links = {Path(link).relative_to(tmp_path).as_posix() for link in left_out.linked_folders}
    assert links >= {"train/b", "train/c"}
    assert {"train/a/2.jpg", "train/b/1.jpg", "train/c/1.jpg"} <= paths
    assert len(paths) < 20


def test_a_missing_folder_has_no_files(tmp_path):
    assert listed(tmp_path) == []
    assert folders.class_folders(tmp_path, "test") == []
