"""Which image is in which part, and what is written of it."""

import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest

from classifier.dataset import feature_writer, features
from classifier.dataset.manifest import ImageRow
from classifier.dataset.npz import Column
from classifier.images.augmentation import ViewParams
from stages.extract import parts
from stages.extract.parts import Spill, make_parts
from tests.dataset.test_features import TABLE
from tests.feature_tables import PER_ROW, contents

CONSTANTS = {name: array for name, array in vars(TABLE).items() if name not in PER_ROW}
VIEWS = ViewParams(0.0, 0.0, 0.0, 0.0, 0.0, False, 1, augmented_copies=0, tta_views=1)
CLASSES = ["ant", "bée"]


def image(number: int, split: str = "train") -> ImageRow:
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    path, label = f"input/{split}/日本/{number:04}.jpg", CLASSES[number % 2]
    return ImageRow(path, split, label, sha256, 8, 8, "JPEG", f"gröup {number % 7}")


IMAGES = [image(number) for number in range(600)]


def write(folder, rows, most=599, views=VIEWS, depends_on=("network",)):
    """Writes a table whose features are the images' first bytes; returns whose were asked for."""
    asked = []

    def vectors(images, count):
        def chunks():
            some = list(images)
            asked.extend(row.path for row in some)
            values = [list(bytes.fromhex(row.sha256)[:4]) for row in some]
            each = np.array(values, "<f4").reshape(-1, 4)
            yield np.repeat(each, count // max(1, len(some)), axis=0)

        return Column(np.dtype("<f4"), (count, 4), chunks())

    images = Spill(io.BytesIO(), most)
    for row in rows:
        images.add(row)
    assert images.images == len(rows)
    found = make_parts(images, views, CLASSES, vectors, depends_on)
    feature_writer.write(folder, CONSTANTS, found)
    return asked


def values(table, rows=slice(None)):
    """Returns the values of some rows, as Python objects."""
    arrays = [getattr(table, name)[rows] for name in PER_ROW if name != "sha256"]
    hashes = features.hex_hashes(table.sha256[rows])
    return [*(array.tolist() for array in arrays), hashes]


def test_a_small_table_is_one_part_in_the_order_of_paths(tmp_path):
    write(tmp_path / "a", IMAGES, most=600)
    assert set(contents(tmp_path / "a")) == {"table.npz", "part-000.npz"}
    table = features.read(tmp_path / "a")
    assert table.paths[:].tolist() == [row.path for row in IMAGES]
    assert table.groups[:].tolist() == [row.group for row in IMAGES]
    assert features.hex_hashes(table.sha256[:]) == [row.sha256 for row in IMAGES]
    assert table.labels[:].tolist() == [number % 2 for number in range(600)]
    assert set(table.splits[:]) == {"train"} and not table.views[:].any()


def test_a_large_table_has_256_parts_in_the_order_of_hashes_and_then_of_paths(tmp_path):
    write(tmp_path / "one", IMAGES, most=600)
    write(tmp_path / "many", IMAGES)
    assert len(contents(tmp_path / "many")) == 257
    one, many = features.read(tmp_path / "one"), features.read(tmp_path / "many")
    order = sorted(range(600), key=lambda n: (IMAGES[n].sha256[:2], IMAGES[n].path))
    assert values(many) == values(one, np.array(order))


@pytest.mark.parametrize("most", [599, 1000])
def test_a_new_image_rewrites_its_part_alone(most, tmp_path):
    write(tmp_path / "a", IMAGES, most)
    before = {path.name: path.stat() for path in (tmp_path / "a").iterdir()}
    new = image(1000)
    own = f"part-{int(new.sha256[:2], 16):03}.npz" if most == 599 else "part-000.npz"
    same = [row.path for row in IMAGES if most == 1000 or row.sha256[:2] == new.sha256[:2]]
    assert write(tmp_path / "a", [*IMAGES, new], most) == [*same, new.path]
    after = {path.name: path.stat() for path in (tmp_path / "a").iterdir()}
    kept = {n for n in before if after[n].st_ino == before[n].st_ino}
    assert kept == before.keys() - {own, "table.npz"}
    assert all(after[name].st_mtime_ns == before[name].st_mtime_ns for name in kept)
    write(tmp_path / "b", [*IMAGES, new], most)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert write(tmp_path / "a", [*IMAGES, new], most) == []


def test_growing_past_the_limit_and_back_leaves_no_trace(tmp_path):
    for rows in (IMAGES[:599], IMAGES, IMAGES[:599]):
        write(tmp_path / "a", rows)
        write(tmp_path / str(len(rows)), rows)
        assert contents(tmp_path / "a") == contents(tmp_path / str(len(rows)))


@pytest.mark.parametrize(
    "change",
    [
        {"path": "input/train/z.jpg"},
        {"sha256": "7" * 64},
        {"label": "bée"},
        {"group": ""},
        {"split": "validation"},
        {"conversion": "16-bit 0 4095"},
    ],
    ids=str,
)
def test_whatever_the_bytes_depend_on_rewrites_a_part(change, tmp_path):
    row = image(0)
    assert write(tmp_path / "a", [row]) == [row.path]
    assert write(tmp_path / "a", [row]) == []
    changed = row._replace(**change)
    assert write(tmp_path / "a", [changed]) == [changed.path]


def test_so_does_what_all_features_depend_on_and_the_views(tmp_path):
    row = image(0)
    write(tmp_path / "a", [row])
    assert write(tmp_path / "a", [row], depends_on=("another",)) == [row.path]
    more = replace(VIEWS, augmented_copies=2)
    assert write(tmp_path / "a", [row], views=more, depends_on=("another",)) == [row.path]


def test_the_views_of_an_image_are_adjacent_and_each_has_the_values_of_its_image(tmp_path):
    views = replace(VIEWS, augmented_copies=2, tta_views=2)
    rows = [image(0), image(1, "validation"), image(2)]
    write(tmp_path / "a", rows[::2], views=views)
    table = features.read(tmp_path / "a")
    assert table.views[:].tolist() == [0, -1, 1, 2] * 2
    assert table.paths[:].tolist() == [row.path for row in rows[::2] for _ in range(4)]
    write(tmp_path / "a", rows[1:2], views=views)
    table = features.read(tmp_path / "a")
    assert (table.views[:].tolist(), table.splits[:].tolist()) == ([0, -1], ["validation"] * 2)


def test_hashes_that_end_in_zeros_and_images_of_unknown_class_are_kept(tmp_path):
    row = image(0)._replace(sha256="ab" * 30 + "0000", label="")
    write(tmp_path / "a", [row])
    table = features.read(tmp_path / "a")
    assert features.hex_hashes(table.sha256[:]) == [row.sha256]
    assert table.labels[:].tolist() == [-1]


def test_a_table_may_be_empty(tmp_path):
    write(tmp_path / "a", [])
    assert features.read(tmp_path / "a").features.shape == (0, 4)


@pytest.mark.parametrize("most", [599, 1000])
def test_the_bytes_do_not_depend_on_how_many_rows_are_read_at_once(most, tmp_path, monkeypatch):
    long = [row._replace(conversion=str(n), group="x" * n) for n, row in enumerate(IMAGES[:20])]
    rows = [*long, *IMAGES[20:]]
    write(tmp_path / "a", rows, most)
    monkeypatch.setattr(parts, "ROWS", 7)
    write(tmp_path / "b", rows, most)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert write(tmp_path / "a", rows, most) == []
