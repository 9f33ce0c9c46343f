"""Any tree of names and contents has a result for every file, or clear errors."""

import os
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from classifier.common.errors import StageError
from classifier.dataset import folders, manifest, problems
from stages.validate import stage as validate
from tests.project import draw

ODD_NAMES = (
    *("a", "A", "e\u0301", "\u00e9", "a b", " a", "-x", "=1+1", "<script>", '"', "'", ",", "a\nb"),
    *("a\r", "%00", "\\", "~", "*", "\u202e", "\U0001f408", "x" * 255, ".DS_Store", "Thumbs.db"),
    *("__MACOSX", ".hidden", "CON", "a.jpg", "a.jpg ", "train", "test"),
    *(os.fsdecode(b"caf\xe9"), os.fsdecode(b"\xff\xfe.png")),
)
names = st.sampled_from(ODD_NAMES) | st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60
).filter(lambda name: name not in (".", ".."))
contents = st.sampled_from(
    ("one", "two", "three", "half", "page", "empty", "pipe", "link", "loop", "out")
)
classes = st.dictionaries(names, st.dictionaries(names, contents, max_size=4), max_size=4)
trees = st.fixed_dictionaries(
    {"train": classes},
    optional={
        "validation": classes,
        "test": st.dictionaries(names, contents | st.dictionaries(names, contents, max_size=3)),
    },
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows forbids most of these names"),
]


@pytest.fixture(scope="module")
def file_bytes(tmp_path_factory):
    """Contents by name: images and other files."""
    folder = tmp_path_factory.mktemp("contents")
    shapes = {"one": "circle", "two": "cross", "three": "square"}
    images = {k: draw(folder / f"{k}.jpg", v, 1).read_bytes() for k, v in shapes.items()}
    return images | {"half": images["one"][:900], "page": b"<html></html>", "empty": b""}


def plant(path: Path, content: object, file_bytes: dict[str, bytes]) -> None:
    """Makes a file, folder, pipe or link, unless the system refuses the name."""
    try:
        if isinstance(content, dict):
            path.mkdir(exist_ok=True)
            for name, inner in content.items():
                plant(path / name, inner, file_bytes)
        elif content == "pipe":
            os.mkfifo(path)
        elif content in ("link", "loop", "out"):
            path.symlink_to({"link": "gone", "loop": "..", "out": "/dev/null"}[content])
        else:
            path.write_bytes(file_bytes[content])
    except (FileExistsError, IsADirectoryError, OSError):
        return


def printable(path: Path) -> str:
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


@given(tree=trees, two_classes=st.sampled_from((True, True, False)))
@settings(max_examples=150)
def test_every_file_is_used_or_listed_or_there_are_clear_errors(
    tmp_path_factory, file_bytes, tree, two_classes
):
    root = tmp_path_factory.getbasetemp() / "shared cache"
    folder = tmp_path_factory.mktemp("tree")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DVC_ROOT", str(root))
        (folder / "params.yaml").write_text(
            (Path(__file__).parents[1] / "params.yaml").read_text(encoding="utf-8")
        )
        if two_classes:  # no other class, or most would be too small
            tree["train"] = {
                name: inner | dict(zip("12", ("one", "two"), strict=True))
                for name, inner in zip(
                    ("cat", "dog"), [*tree["train"].values(), {}, {}], strict=False
                )
            }
            tree.pop("validation", None)
        plant(Path("input"), tree, file_bytes)
        try:
            validate.main()
        except StageError as error:
            assert all(m.startswith("input") and ": " in m for m in error.messages)
            assert not Path("results/images.csv").exists()
            event("errors")
            return
        event("results")
        used = [row.path for row in manifest.iter_rows(manifest.PATH)]
        skipped = [p.path for p in problems.read(problems.PATH) if p.action == "skipped"]
        assert sorted(used + skipped) == sorted(
            printable(e.path) for e in folders.find_files(Path("input"))
        )
