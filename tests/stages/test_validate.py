import contextlib
import dataclasses
import json
import os
import shutil
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from classifier.common import parquet
from classifier.common.errors import StageError
from classifier.dataset import manifest, problems
from classifier.images import decode, perceptual_hash
from stages.validate import checks
from stages.validate import params as validate_params
from stages.validate import stage as validate
from tests.project import ROOT, Project, draw, draw_classes


def rows(inside):
    return list(manifest.iter_rows(inside / "results" / "images.csv"))


def listed(inside):
    all_problems = problems.read(inside / "results" / "problems.csv")
    return {problem.path: (problem.problem, problem.action) for problem in all_problems}


def errors():
    with pytest.raises(StageError) as info:
        validate.main()
    return list(info.value.messages)


@pytest.fixture
def folder(inside):
    return draw_classes(inside / "input", per_class=2)


def test_every_usable_image_has_a_row(inside, folder, capsys):
    draw(folder / "validation" / "cross" / "v.png", "cross", 50, size=(100, 80))
    validate.main()
    images = rows(inside)
    assert [row.path for row in images] == sorted(row.path for row in images)
    assert {row.split for row in images} == {"train", "validation", "test"}
    png = next(row for row in images if row.path == "input/validation/cross/v.png")
    assert (png.label, png.width, png.height, png.format) == ("cross", 100, 80, "PNG")
    line = "validate: 6 train, 1 validation and 3 test images of 3 classes"
    assert capsys.readouterr().out == f"{line} -> results/images.csv\n"


def test_only_class_folders_label_test_images(inside, folder, capsys):
    draw(folder / "test" / "circle" / "a.jpg", "circle", 60)
    draw(folder / "test" / "monday" / "b.jpg", "circle", 61)
    validate.main()
    labels = {row.path: row.label for row in rows(inside) if row.split == "test"}
    assert labels["input/test/circle/a.jpg"] == "circle"
    assert labels["input/test/monday/b.jpg"] == labels["input/test/0.jpg"] == ""
    assert (
        "not scored, because not named like a class: input/test/monday" in capsys.readouterr().out
    )


def test_broken_files_are_listed_and_printed(inside, folder, capsys):
    (folder / "test" / "empty.jpg").touch()
    (folder / "train" / "cross" / "page.jpg").write_text("<html></html>")
    data = (folder / "test" / "0.jpg").read_bytes()
    (folder / "test" / "half.jpg").write_bytes(data[: len(data) // 2])
    validate.main()
    assert listed(inside) == {
        "input/test/empty.jpg": ("empty_file", "skipped"),
        "input/test/half.jpg": ("truncated", "skipped"),
        "input/train/cross/page.jpg": ("not_an_image", "skipped"),
    }
    assert "3 skipped: input/test/empty.jpg (empty_file), " in capsys.readouterr().out


def test_broken_files_can_be_made_an_error(folder, set_param):
    set_param("validate.bad_images", "fail")
    (folder / "test" / "empty.jpg").touch()
    message = "input/test/empty.jpg: empty_file (the file has no bytes); remove or replace it"
    assert errors() == [message]


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither named pipes nor such names")
def test_files_with_odd_names_and_of_odd_kinds_are_listed(inside, folder, capsys):
    os.mkfifo(folder / "test" / "pipe.jpg")
    (folder / "test" / "nowhere.jpg").symlink_to("gone.jpg")
    latin = os.fsdecode(b"input/test/caf\xe9.jpg")
    (inside / latin).write_bytes((folder / "test" / "0.jpg").read_bytes())
    draw(folder / "test" / "=1,<b>\n.jpg", "cross", 70)
    validate.main()
    assert "DVC cannot read named pipes, sockets" in capsys.readouterr().err
    codes = {path: code for path, (code, _) in listed(inside).items()}
    unreadable = ["input/test/caf\\xe9.jpg", "input/test/nowhere.jpg", "input/test/pipe.jpg"]
    assert codes == dict.fromkeys(unreadable, "unreadable")
    assert "input/test/=1,<b>\n.jpg" in [row.path for row in rows(inside)]


def test_new_limits_apply_to_known_files(inside, folder, set_param, monkeypatch):
    monkeypatch.setattr("classifier.cache.files.CLOCK_NS", 1)
    validate.main()
    size = (folder / "test" / "0.jpg").stat().st_size
    set_param("validate.max_megabytes", (size - 1) / 1e6)
    set_param("validate.bad_images", "fail")
    assert f"input/test/0.jpg: too_large ({size:,} bytes, more than {size - 1:,}); remove or" in (
        " ".join(errors())
    )


def test_deep_images_have_the_range_of_the_training_images_or_that_of_params(
    inside, folder, set_param, capsys
):
    for split, name, white in (("train", "circle", 4000), ("train", "cross", 900), ("test", "", 9)):
        values = np.linspace(0, white, 8100).reshape(90, 90).astype(np.uint16)
        Image.fromarray(values).save(folder / split / name / "deep.png")
    validate.main()
    deep = {row.conversion for row in rows(inside) if row.path.endswith("deep.png")}
    assert deep == {"16-bit 0 4095"}
    assert "; 16-bit images: black is 0, white 4095" in capsys.readouterr().out
    set_param("validate.value_range", [100, 900.5])
    validate.main()
    deep = {row.conversion for row in rows(inside) if row.path.endswith("deep.png")}
    assert deep == {"16-bit 100 900.5"}


def test_exact_duplicates_are_listed_and_kept(inside, folder):
    def copy(source, target):
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        (folder / target).write_bytes((folder / source).read_bytes())

    copy("train/circle/0.jpg", "train/circle/copy.jpg")
    copy("train/cross/0.jpg", "train/square/cross.jpg")
    copy("train/cross/1.jpg", "test/leak.jpg")
    copy("train/square/0.jpg", "validation/square/leak.jpg")
    validate.main()
    assert listed(inside) == {
        "input/train/circle/copy.jpg": ("duplicate", "kept"),
        "input/train/cross/0.jpg": ("label_conflict", "kept"),
        "input/train/square/cross.jpg": ("label_conflict", "kept"),
        "input/train/cross/1.jpg": ("in_train_and_test", "kept"),
        "input/test/leak.jpg": ("in_train_and_test", "kept"),
        "input/train/square/0.jpg": ("in_train_and_validation", "kept"),
        "input/validation/square/leak.jpg": ("in_train_and_validation", "kept"),
    }
    assert len(rows(inside)) == 6 + 3 + 4


def test_unusual_images_and_small_classes_are_kept_and_printed(inside, folder, capsys):
    draw(folder / "train" / "cross" / "strip.jpg", "cross", 71, size=(700, 60))
    draw(folder / "test" / "dot.png", "cross", 72, size=(20, 20))
    validate.main()
    assert listed(inside) == {
        "input/test/dot.png": ("tiny", "kept"),
        "input/train/cross/strip.jpg": ("extreme_shape", "kept"),
    }
    printed = capsys.readouterr()
    assert "; 1 tiny; 1 extreme_shape (see results/problems.csv)" in printed.out
    counts = json.loads((inside / "results" / "dataset.json").read_text())
    assert (counts["tiny"], counts["extreme_shape"]) == (1, 1)
    assert counts.keys() >= {check.code for check in checks.CHECKS}
    assert "fewer than 10 images of circle (2), cross (3), square (2)" in printed.err


def test_hidden_files_are_ignored_and_counted(inside, folder, capsys):
    for name in ("test/.DS_Store", "train/cross/Thumbs.db", "train/.hidden", "test/__MACOSX/x"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    validate.main()
    assert json.loads((inside / "results" / "dataset.json").read_text())["ignored"] == 4
    names = ".DS_Store, .hidden, Thumbs.db and 1 more"
    assert capsys.readouterr().out.endswith(f"; 4 hidden files ignored: {names}\n")


def test_perceptual_hashes_are_in_the_order_of_the_table(inside, folder):
    validate.main()
    hashes = np.load(inside / "results" / "perceptual_hashes.npy")
    for row, expected in zip(rows(inside), hashes, strict=True):
        pixels = decode.decode_image((inside / row.path).read_bytes(), 64, 64).pixels
        assert perceptual_hash.perceptual_hash(pixels) == expected.tobytes()


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS treats both as one name")
def test_class_names_that_look_identical_are_an_error(folder):
    for name in ("caf\u00e9", "cafe\u0301"):
        draw(folder / "train" / name / "0.jpg", "circle", 0)
    (error,) = errors()
    assert error.startswith("input/train: class names must not look identical; got 'cafe\\u0301'")


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS treats both as one name")
def test_composed_and_decomposed_accents_are_the_same(inside, folder):
    for seed in (0, 1):
        draw(folder / "train" / "caf\u00e9" / f"{seed}.jpg", "circle", 80 + seed)
    draw(folder / "test" / "cafe\u0301" / "0.jpg", "circle", 82)
    validate.main()
    labels = {row.label for row in rows(inside) if row.path.startswith("input/test/cafe")}
    assert labels == {"caf\u00e9"}


def test_a_missing_train_folder_is_an_error(inside):
    where = "put the images of each class in input/train/<class>/"
    assert errors() == [f"input/train: no such folder; {where}"]


def test_one_class_is_too_few(inside):
    draw(inside / "input" / "train" / "circle" / "0.jpg", "circle", 0)
    (error,) = errors()
    assert error.startswith("input/train has 1 class folder (circle); a classifier needs 2 or more")


def test_images_beside_the_class_folders_are_an_error(folder):
    draw(folder / "train" / "loose.jpg", "circle", 0)
    (error,) = errors()
    assert error.startswith("input/train: only class folders may be in it; got loose.jpg: put the")


def test_classes_with_too_few_images_are_all_named(folder):
    (folder / "train" / "empty").mkdir()
    (folder / "train" / "cross" / "1.jpg").write_bytes(b"broken")
    (folder / "test" / "beside.jpg").write_bytes(b"broken, but not why a class is too small")
    data = (folder / "train" / "square" / "0.jpg").read_bytes()
    (folder / "train" / "square" / "1.jpg").write_bytes(data)
    broken, cross, empty, square = errors()
    assert broken.startswith("input/train/cross/1.jpg: not_an_image")
    least = "needs 2 or more different usable images; got"
    assert cross.startswith(f"input/train/cross: {least} 1: add some, or remove the folder")
    assert empty.startswith(f"input/train/empty: {least} 0")
    assert square.startswith(f"input/train/square: {least} 1")


def test_a_validation_folder_must_be_a_class(folder):
    draw(folder / "validation" / "circel" / "0.jpg", "circle", 0)
    (error,) = errors()
    assert error.startswith("input/validation/circel: must have the name of a class of input/train")


def test_a_validation_folder_without_a_usable_image_is_an_error(folder):
    (folder / "validation" / "cross").mkdir(parents=True)
    (folder / "validation" / "cross" / "0.jpg").write_bytes(b"broken")
    _, error = errors()
    assert error.startswith("input/validation: needs a usable image; got 0: add some, or remove")


@pytest.mark.parametrize(
    ("name", "split"),
    [("val", "validation"), ("Dev", "validation"), ("vaildation", "validation"), ("Test", "test")],
)
def test_a_misspelt_split_is_an_error_with_the_right_name(name, split, inside):
    folder = draw_classes(inside / "input", per_class=2, test=0)
    draw(folder / name / "cross" / "0.jpg", "cross", 50)
    (error,) = errors()
    named = "must be named train, validation, test or unlabelled to be read; got"
    assert error.startswith(f"input/{name}: {named}")
    assert error.endswith(f"rename it to input/{split}")


def test_a_misspelt_train_folder_is_one_error(inside):
    draw_classes(inside / "input", per_class=2)
    (inside / "input" / "train").rename(inside / "input" / "Training")
    (error,) = errors()
    assert error.endswith("got 'Training': rename it to input/train")


def warnings(inside):
    validate.main()
    return (inside / "results" / "warnings.txt").read_text(encoding="utf-8").splitlines()


def test_everything_that_is_left_out_is_named(inside, folder, capsys):
    for name in ("raw/1.jpg", "tests/1.jpg", "0.jpg", "train/.hidden/1.jpg", "test/Cros/1.jpg"):
        draw(folder / name, "cross", 51)
    (folder / "train.dvc").touch()
    said = warnings(inside)
    only = "not read; only input/train, input/validation, input/test and input/unlabelled are"
    assert f"input/raw: {only}" in said
    assert f"input/tests: {only}; did you mean test?" in said
    assert "input: files directly in it are not read: 0.jpg" in said
    assert any(line.startswith("input/train/.hidden: not read, because its name") for line in said)
    cros = "input/test/Cros: not scored, because no class has this name; did you mean cross?"
    assert cros in said
    printed = capsys.readouterr()
    assert [f"warning: {line}" for line in said] == printed.err.splitlines()
    assert "; not scored, because not named like a class: input/test/Cros" in printed.out


def test_nested_class_folders_are_named(inside, folder):
    for name in ("animals/cats/1.jpg", "animals/dogs/22.jpg", "circle/cross/333.jpg"):
        draw(folder / "train" / name, "cross", len(name))
    said = " ".join(warnings(inside))
    assert "input/train/animals: the images of its folders (cats, dogs) are all of class" in said
    assert "input/train/circle/cross: has the name of a class, but its images are of" in said
    assert "input/train/circle: " not in said


def test_classes_without_images_to_score_are_named(inside, folder):
    draw(folder / "validation" / "cross" / "0.jpg", "cross", 52)
    draw(folder / "test" / "circle" / "0.jpg", "circle", 53)
    validation, test, *_ = warnings(inside)
    assert validation.startswith("input/validation: no usable image of circle, square; its scores")
    assert test.startswith("input/test: no usable image of cross, square; its scores say nothing")


def test_plain_images_are_warned_of(inside, folder, capsys):
    icon = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    icon.paste("white", (10, 10, 50, 50))
    icon.save(folder / "test" / "icon.png")
    assert any("1 image of one colour all over" in line for line in warnings(inside))
    assert listed(inside) == {"input/test/icon.png": ("plain", "kept")}
    assert "; 1 plain (see results/problems.csv)" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
@pytest.mark.parametrize("place", ["", "train", "train/cross", "test/more"])
def test_a_linked_folder_is_refused_and_a_linked_file_is_not(place, inside, folder):
    other = inside / "disk"
    (folder / "test" / "more").mkdir()
    (folder / place).rename(other)
    (folder / place).symlink_to(other)
    (error,) = errors()
    rule = "must not be a link to a folder, because DVC would not see changes in it"
    assert error.startswith(
        f"{(Path('input') / place).as_posix()}: {rule}; move or copy the folder"
    )
    (folder / place).unlink()
    other.rename(folder / place)
    (folder / "train" / "cross" / "1.jpg").rename(other)
    (folder / "train" / "cross" / "1.jpg").symlink_to(other)
    validate.main()


def test_labels_may_come_from_a_list(inside, capsys):
    for seed, shape in enumerate(["cross", "circle"] * 4):
        draw(inside / "input" / "all" / f"{seed}.jpg", shape, seed)
    rows = [f"all/{n}.jpg;{['cross', 'circle'][n % 2]};day {n}" for n in range(6)]
    listed = "\r\n".join(["path;label;group", *rows])
    (inside / "input" / "labels.csv").write_text(listed, encoding="utf-8-sig")
    assert "input/all: not read: 2 files that are not in labels.csv" in warnings(inside)
    rows_of = {row.path: row for row in manifest.iter_rows(manifest.PATH)}
    assert len(rows_of) == 6
    row = rows_of["input/all/3.jpg"]
    assert (row.split, row.label, row.group) == ("train", "circle", "day 3")


def test_a_wrong_list_is_an_error_with_all_its_lines(folder):
    (folder / "labels.csv").write_text("path,label\ntrain/cross/9.jpg,cross\ntest/x.jpg,\n")
    first, second = errors()
    assert first.startswith("input/labels.csv, line 2: path must be a file; got 'train/cross/9.jp")
    assert second.startswith("input/labels.csv, line 3: path must be a file; got 'test/x.jpg'")


def test_input_test_may_be_missing(inside, capsys):
    draw_classes(inside / "input", per_class=2, test=0)
    validate.main()
    assert "no test images: the predictions will be empty" in capsys.readouterr().out


def test_the_counts_are_a_flat_metric(inside, folder):
    draw(folder / "train" / "cross" / "3.jpg", "cross", 3)
    validate.main()
    counts = json.loads((inside / "results" / "dataset.json").read_text())
    assert (counts["classes"], counts["train"], counts["test"]) == (3, 7, 3)
    assert (counts["smallest_class"], counts["largest_class"]) == (2, 3)


def test_the_users_files_are_not_changed(inside, folder):
    def state():
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return [(path, path.read_bytes(), path.stat().st_mtime_ns) for path in files]

    before = state()
    validate.main()
    assert state() == before


OPENED = """
import sys
opened, decoded = [], []
sys.addaudithook(lambda name, args: name == "open" and opened.append(str(args[0])))
from classifier.cache import files
from stages.validate import file_check, stage
check = file_check.check_files
file_check.check_files = lambda paths, *others: (
    decoded.extend(paths := list(paths)) or check(paths, *others)
)
files.CLOCK_NS = 1
stage.main()
print(*(len([p for p in opened if p.startswith("input/t")]), len(decoded)))
"""


def test_a_file_is_read_again_only_if_it_changed_and_decoded_only_if_it_is_new(
    inside, folder, monkeypatch
):
    def run():
        time.sleep(0.05)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        printed = Project(inside).shell(sys.executable, "-c", OPENED).stdout
        counts = tuple(map(int, printed.splitlines()[-1].split()))
        return counts, (inside / "results" / "images.csv").read_bytes()

    assert run()[0] == (9, 9)
    assert run()[0] == (0, 0)
    draw(folder / "test" / "new.jpg", "cross", 90)
    assert run()[0] == (1, 1)
    (folder / "test" / "new.jpg").rename(folder / "test" / "renamed.jpg")
    shutil.copy(folder / "test" / "renamed.jpg", folder / "test" / "copy.jpg")
    assert run()[0] == (2, 0)
    (folder / "test" / "0.jpg").write_bytes((folder / "test" / "1.jpg").read_bytes())
    opened, table = run()
    assert opened == (1, 0)
    shutil.rmtree(inside / ".cache")
    assert run() == ((11, 11), table)


def test_a_changed_or_new_check_decodes_the_images_again(inside, folder, monkeypatch):
    monkeypatch.setattr("classifier.cache.files.CLOCK_NS", 1)
    time.sleep(0.05)
    recipes = inside / ".cache" / "files.sqlite"
    tiny, *others = checks.CHECKS
    changed = dataclasses.replace(tiny, version=2)
    new = dataclasses.replace(tiny, code="new")
    lists = [(tiny, *others), (tiny, *others), (changed, *others), (changed, *others, new)]
    for listed_checks, expected in zip(lists, (9, 9, 18, 27), strict=True):
        monkeypatch.setattr(checks, "CHECKS", listed_checks)
        validate.main()
        with contextlib.closing(sqlite3.connect(recipes)) as connection:
            ((cached,),) = connection.execute("SELECT count(*) FROM contents").fetchall()
        assert cached == expected


def test_images_taken_shortly_after_each_other_are_a_group(inside, folder, set_param, capsys):
    (folder / "train" / "circle" / "00.jpg").touch()  # has no row
    draw(folder / "unlabelled" / "a.jpg", "circle", 90)  # has one in another table
    for second in (1, 9, 30):
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = (
            f"2024:05:01 12:00:{second:02}"
        )
        path = folder / "train" / "cross" / f"{second}.jpg"
        Image.open(draw(path, "cross", second)).save(path, exif=exif)

    def groups():
        validate.main()
        return {Path(row.path).stem: row.group for row in rows(inside) if row.group}

    burst = dict.fromkeys("19", "exif: 2024-05-01 12:00:01")
    assert groups() == burst
    line = capsys.readouterr().out
    assert line.endswith("; 2 images in 1 group of one camera within 10 seconds\n")
    assert groups() == burst  # from the cache
    set_param("validate.group_seconds", 0)
    assert groups() == {}


def test_unlabelled_images_have_a_table_of_their_own(inside, folder, capsys):
    validate.main()
    before = rows(inside), (inside / "results" / "perceptual_hashes.npy").read_bytes()
    draw(folder / "unlabelled" / "circle" / "a.jpg", "circle", 90)
    (folder / "unlabelled" / "empty.jpg").touch()
    validate.main()
    assert (rows(inside), (inside / "results" / "perceptual_hashes.npy").read_bytes()) == before
    (row,) = manifest.iter_rows(inside / "results" / "unlabelled.csv")
    assert (row.path, row.label) == ("input/unlabelled/circle/a.jpg", "")
    assert "; 1 unlabelled -> results/unlabelled.csv; 1 skipped" in capsys.readouterr().out
    assert problems.read(inside / "results" / "problems.csv")[0].split == "unlabelled"


def test_without_any_class_the_labelling_page_is_named(inside):
    draw(inside / "input" / "unlabelled" / "a.jpg", "circle", 90)
    (error,) = errors()
    assert error.startswith("input/train: no such folder; put the images of each class in")
    assert error.endswith("or name them on a page: `python -m classifier label`")


def test_the_tables_of_millions_of_images_become_parquet_and_those_of_fewer_csv(
    inside, folder, capsys, monkeypatch
):
    validate.main()
    before = rows(inside)
    with monkeypatch.context() as many:
        many.setattr(validate_params, "MANY", 5)
        validate.main()
    assert manifest.is_parquet(manifest.PATH) and manifest.is_parquet(manifest.UNLABELLED)
    assert rows(inside) == before
    assert "-> results/images.csv/images.parquet" in capsys.readouterr().out
    validate.main()
    assert rows(inside) == before and manifest.PATH.is_file()


def test_without_pyarrow_the_tables_of_millions_are_csv_and_the_line_says_what_to_install(
    inside, folder, capsys, monkeypatch
):
    monkeypatch.setattr(validate_params, "MANY", 5)
    monkeypatch.setattr(parquet, "PACKAGE", "not_there")
    validate.main()
    assert manifest.PATH.is_file()
    hint = "; as Parquet, results/images.csv would be a quarter as large: run `pip install not_the"
    assert hint in capsys.readouterr().out


@pytest.mark.parametrize(("value", "expected"), [("csv", False), ("parquet", True)])
def test_the_format_of_the_tables_may_be_chosen(value, expected, inside, folder, set_param):
    set_param("validate.table_format", value)
    validate.main()
    assert manifest.is_parquet(manifest.PATH) == expected
