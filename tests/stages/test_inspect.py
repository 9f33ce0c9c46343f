import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.metrics.pairwise import cosine_similarity

from classifier.common import disk_array, files
from classifier.common.errors import StageError
from classifier.dataset import (
    excluded,
    features,
    findings,
    manifest,
    near_duplicates,
    orders,
    similarity,
)
from classifier.dataset.features import FeatureTable
from classifier.dataset.findings import Finding
from classifier.dataset.manifest import ImageRow
from classifier.images import perceptual_hash
from stages.inspect import stage as inspect
from tests import feature_tables
from tests.project import write_images_csv

PER_CLASS = 30


class Data:
    """Features of three well separated classes and random hashes, for tests to change."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        names, tests = ("a", "b", "c"), 6
        self.rows = [
            ImageRow(f"input/test/{n}.png", "test", "", "", 64, 64, "PNG") for n in range(tests)
        ] + [
            ImageRow(f"input/train/{name}/{n:02}.png", "train", name, "", 64, 64, "PNG")
            for name in names
            for n in range(PER_CLASS)
        ]
        self.rows = [row._replace(sha256=f"{n:064x}") for n, row in enumerate(self.rows)]
        kinds = np.append(np.arange(tests) % 3, np.repeat(np.arange(3), PER_CLASS))
        noise = rng.normal(size=(len(self.rows), 6))
        self.values = (6 * np.eye(3, 6)[kinds] + noise).astype(np.float32)
        self.hashes = rng.integers(0, 128, (len(self.rows), 32), np.uint8)
        self.weights = "imagenet"
        self.shuffled = False  # rows of the tables

    def index(self, path: str) -> int:
        """Returns the index of an image."""
        return [row.path for row in self.rows].index(f"input/{path}")

    def copy(self, path: str, original: str, bits: int = 0) -> None:
        """Makes an image a copy of another: with the same bytes, or with changed hash bits."""
        new, old = self.index(path), self.index(original)
        self.values[new], self.hashes[new] = self.values[old], self.hashes[old]
        if bits:
            self.values[new] += 0.01
            changed = np.unpackbits(self.hashes[old])
            changed[100 : 100 + bits] ^= 1
            self.hashes[new] = np.packbits(changed)
        else:
            self.rows[new] = self.rows[new]._replace(sha256=self.rows[old].sha256)

    def table(self, split: str) -> FeatureTable:
        """Returns the features of a split's images."""
        chosen = [n for n, row in enumerate(self.rows) if row.split == split]
        if self.shuffled:
            np.random.default_rng(5).shuffle(chosen)
        labels = ["abc".find(self.rows[n].label or "-") for n in chosen]
        return FeatureTable(
            features=self.values[chosen],
            labels=np.array(labels, np.int32),
            class_names=np.array(["a", "b", "c"]),
            sha256=features.binary_hashes(self.rows[n].sha256 for n in chosen),
            paths=np.array([self.rows[n].path for n in chosen]),
            groups=np.array([self.rows[n].group for n in chosen]),
            splits=np.array([self.rows[n].split for n in chosen]),
            views=np.zeros(len(chosen), np.int32),
            train_views=np.array([0], np.int32),
            tta_views=np.array([0], np.int32),
            augmentation_id=np.array(""),
            grey_ranges=np.array(""),
            fingerprint=np.array("f" * 64),
            weights=np.array(self.weights),
            layers=np.array(["mixed10"]),
            layer_sizes=np.array([self.values.shape[1]], np.int32),
        )

    def inspect(self) -> list[Finding]:
        """Writes what the stage reads, runs it, and returns what it writes."""
        write_images_csv(manifest.PATH, self.rows)
        for row in self.rows:  # all look the same: hashes and features decide
            Path(row.path).parent.mkdir(parents=True, exist_ok=True)
            Image.linear_gradient("L").resize((64, 64)).save(row.path)
        with perceptual_hash.open_writer(perceptual_hash.PATH) as write_hash:
            write_hash(self.hashes.tobytes())
        for split, path in (("train", features.TRAIN), ("test", features.TEST)):
            feature_tables.write(path, self.table(split))
        inspect.main()
        return findings.read(findings.PATH)


@pytest.fixture
def data(inside) -> Data:
    return Data()


def summary(
    findings: list[Finding], ignored: tuple[str, ...] = ("outlier",)
) -> set[tuple[str, ...]]:
    return {
        (one.path.removeprefix("input/"), one.finding, one.other.removeprefix("input/"))
        for one in findings
        if one.finding not in ignored
    }


def test_clean_data_has_no_findings_but_a_few_outliers(data, capsys):
    assert len(data.inspect()) <= 4 and summary(data.inspect()) == set()
    assert capsys.readouterr().out.startswith("inspect: 96 images: ")
    assert excluded.read(excluded.PATH) == {}


def test_the_kind_of_a_copy_depends_on_where_the_other_is(data):
    data.copy("train/a/05.png", "train/a/04.png")
    data.copy("train/a/07.png", "train/a/06.png", bits=20)
    data.copy("test/0.png", "train/b/00.png", bits=20)
    data.copy("test/5.png", "test/4.png", bits=20)
    data.copy("train/c/00.png", "train/b/09.png", bits=20)
    assert summary(data.inspect(), ("outlier", "wrong_label")) == {
        ("train/a/05.png", "duplicate", "train/a/04.png"),
        ("train/a/07.png", "duplicate", "train/a/06.png"),
        ("test/0.png", "in_train_and_test", "train/b/00.png"),
        ("train/b/00.png", "in_train_and_test", "test/0.png"),
        ("test/5.png", "duplicate", "test/4.png"),
        ("train/c/00.png", "label_conflict", "train/b/09.png"),
        ("train/b/09.png", "label_conflict", "train/c/00.png"),
    }


def test_near_duplicates_of_training_images_are_written_for_the_split(data):
    for path in ("train/a/07.png", "train/a/08.png", "test/0.png"):
        data.copy(path, "train/a/06.png", bits=20)
    data.inspect()
    one, *others = (data.rows[data.index(f"train/a/0{n}.png")].sha256 for n in (6, 7, 8))
    assert near_duplicates.read(near_duplicates.PATH) == dict.fromkeys((one, *others), one)


def test_similarity_is_to_the_nearest_training_image_of_no_own_group(data):
    data.copy("train/a/07.png", "train/a/06.png", bits=20)
    data.copy("test/0.png", "train/b/00.png", bits=20)
    for path in ("train/c/01.png", "train/c/02.png"):
        index = data.index(path)
        data.rows[index] = data.rows[index]._replace(group="exif: one")
        data.values[index] = data.values[data.index("train/c/01.png")]
    data.inspect()
    found = dict(similarity.iter_rows(similarity.PATH))
    assert len(found) == len(data.rows)
    values = np.array([data.values[data.index(path.removeprefix("input/"))] for path in found])
    cosines = cosine_similarity(values)
    names = list(found)
    own = names.index("input/train/c/01.png"), names.index("input/train/c/02.png")
    assert found["input/train/c/02.png"] < 0.9999 < cosines[own]
    assert found["input/test/0.png"] < 0.9999 and found["input/train/a/07.png"] < 0.9999
    highest = np.where(np.eye(len(names)), -1, cosines)[
        :, [n.startswith("input/train") for n in names]
    ]
    usual = np.array(list(found.values())) - highest.max(axis=1)
    assert np.median(np.abs(usual)) < 1e-4


def test_the_score_says_how_similar_copies_are(data):
    data.copy("train/a/05.png", "train/a/04.png")
    data.copy("train/a/07.png", "train/a/06.png", bits=20)
    same, near = (one for one in data.inspect() if one.finding == "duplicate")
    assert same.score == 1 and same.detail == "the same bytes as input/train/a/04.png"
    assert near.score == pytest.approx(1 - 20 / 255, abs=1e-3)
    assert near.detail == "the same image as input/train/a/06.png"


def test_a_wrong_label_is_found_with_the_right_class(data):
    moved = data.index("train/a/03.png")
    data.values[moved] += 6 * (np.eye(3, 6)[1] - np.eye(3, 6)[0])
    (found,) = (one for one in data.inspect() if one.finding == "wrong_label")
    assert found.path == "input/train/a/03.png" and found.suggested == "b"
    assert found.detail.startswith("looks like b (") and ", not like a (0.0" in found.detail


def test_an_image_of_no_class_is_an_outlier_also_among_test_images(data):
    for path in ("train/a/03.png", "test/2.png"):
        data.values[data.index(path)] = [0, 0, 0, 40, 0, 0]
        data.values[data.index(path)][3] *= -1 if path.startswith("test") else 1
    found = [one.path for one in data.inspect() if one.finding == "outlier"]
    assert set(found[:2]) == {"input/test/2.png", "input/train/a/03.png"}


def test_with_random_weights_only_copies_are_looked_for(data, capsys):
    data.weights = "random"
    data.copy("train/a/07.png", "train/a/06.png", bits=20)
    data.values[data.index("train/b/03.png")] = 40
    assert summary(data.inspect(), ()) == {("train/a/07.png", "duplicate", "train/a/06.png")}
    assert "label-error and outlier checks skipped (random weights)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("param", "dropped"),
    [
        ("drop_duplicates", {"train/a/07.png": "duplicate"}),
        ("drop_leaks", {"train/b/00.png": "in_train_and_test"}),
        (
            "drop_label_conflicts",
            {"train/b/09.png": "label_conflict", "train/c/00.png": "label_conflict"},
        ),
        ("drop_wrong_labels", {"train/c/01.png": "wrong_label"}),
        ("drop_outliers", {"train/c/02.png": "outlier"}),
    ],
)
def test_each_param_leaves_out_its_own_findings(param, dropped, data, set_param):
    data.copy("train/a/07.png", "train/a/06.png", bits=20)
    data.copy("test/0.png", "train/b/00.png", bits=20)
    data.copy("test/5.png", "test/4.png")
    data.copy("train/c/00.png", "train/b/09.png", bits=20)
    data.values[data.index("train/c/01.png")] = data.values[data.index("train/a/01.png")] + 0.5
    data.values[data.index("train/c/02.png")] = [0, 0, 0, 0, 60, 0]
    set_param(f"inspect.{param}", True)
    data.inspect()
    found = {path.removeprefix("input/"): why for path, why in excluded.read(excluded.PATH).items()}
    assert found.items() >= dropped.items()
    assert set(found.values()) == set(dropped.values())
    assert all(path.startswith("train/") for path in found)


def test_the_first_of_many_copies_remains(data, set_param):
    for number in range(1, 9):
        data.copy(f"train/a/{number:02}.png", "train/a/00.png", bits=number % 3)
    set_param("inspect.drop_duplicates", True)
    data.inspect()
    assert list(excluded.read(excluded.PATH)) == [
        f"input/train/a/{number:02}.png" for number in range(1, 9)
    ]


def test_a_class_must_keep_two_images(data, set_param):
    for number in range(1, PER_CLASS):
        data.copy(f"train/a/{number:02}.png", "train/a/00.png")
    set_param("inspect.drop_duplicates", True)
    with pytest.raises(StageError) as error:
        data.inspect()
    assert str(error.value) == (
        "params.yaml: inspect.drop_duplicates must leave each class two different images; "
        "got 1 image of a: set it to false, or add images"
    )
    assert not Path(excluded.PATH).exists()


def test_neither_the_order_of_rows_nor_the_size_of_blocks_influences_findings(data, monkeypatch):
    data.values[data.index("train/a/03.png")] = data.values[data.index("train/b/03.png")] + 0.5
    data.values[data.index("train/c/02.png")] = [0, 0, 0, 0, 60, 0]
    data.copy("train/a/05.png", "train/a/04.png")
    data.copy("test/0.png", "train/b/00.png", bits=20)
    before, similarities = data.inspect(), similarity.PATH.read_text()
    data.shuffled = True
    monkeypatch.setattr(orders, "BLOCK", 20)  # as of many images
    monkeypatch.setattr(disk_array, "SMALL", 0)
    assert data.inspect() == before
    assert {"duplicate", "in_train_and_test", "wrong_label"} <= {one.finding for one in before}
    assert similarity.PATH.read_text() == similarities


def test_file_names_do_not_influence_the_findings(data):
    data.values[data.index("train/a/03.png")] = data.values[data.index("train/b/03.png")] + 0.5
    before = {(one.finding, one.score) for one in data.inspect()}
    for number in range(PER_CLASS // 2):  # names change, contents stay
        one, other = (
            data.index(f"train/a/{number:02}.png"),
            data.index(f"train/a/{29 - number:02}.png"),
        )
        for column in (data.values, data.hashes):
            column[[one, other]] = column[[other, one]]
        hashes = data.rows[one].sha256, data.rows[other].sha256
        data.rows[one] = data.rows[one]._replace(sha256=hashes[1])
        data.rows[other] = data.rows[other]._replace(sha256=hashes[0])
    assert {(one.finding, one.score) for one in data.inspect()} == before


@pytest.mark.slow
def test_copies_among_real_files_are_found_left_out_of_training_and_scored(project):
    train = project.folder / "input" / "train"
    first = Image.open(train / "circle" / "0.jpg")
    first.resize((60, 45)).save(train / "circle" / "small.jpg", quality=40)
    ImageOps.mirror(first).save(project.folder / "input" / "test" / "mirror.png")
    shutil.copy(train / "cross" / "1.jpg", train / "square" / "cross.jpg")
    for name in findings.DROP_PARAMS.values():
        project.set(f"inspect.{name}", True)
    assert project.repro() >= {"validate", "extract", "inspect", "train"}
    found = list(map(tuple, findings.read(project.folder / findings.PATH)))
    kinds = {(path, finding, other) for path, _, finding, _, _, other, _ in found}
    assert kinds == {
        ("input/train/cross/1.jpg", "label_conflict", "input/train/square/cross.jpg"),
        ("input/train/square/cross.jpg", "label_conflict", "input/train/cross/1.jpg"),
        ("input/test/mirror.png", "in_train_and_test", "input/train/circle/0.jpg"),
        ("input/train/circle/0.jpg", "in_train_and_test", "input/test/mirror.png"),
        ("input/train/circle/small.jpg", "in_train_and_test", "input/test/mirror.png"),
        ("input/train/circle/small.jpg", "duplicate", "input/train/circle/0.jpg"),
    }
    split, scored, images = (
        files.read_csv(project.folder / "results" / f"{name}.csv")
        for name in ("split", "scored_validation", "images")
    )
    excluded_paths = {path for path, _, _ in kinds if path.startswith("input/train")}
    assert {row["path"] for row in split if row["split"] == "excluded"} == excluded_paths
    in_train = [row["path"] for row in images if row["split"] == "train"]
    assert [row["path"] for row in scored] == in_train  # as without dropping anything
