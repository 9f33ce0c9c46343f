"""Whatever the order, grouping, batch size or fate of the store: the same bytes, nothing twice."""

import functools
import hashlib
import itertools
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.cache import database
from classifier.cache import features as feature_cache
from classifier.cache import files as file_index
from classifier.cache.features import FeatureCache
from classifier.dataset import manifest
from classifier.dataset.manifest import ImageRow
from classifier.images.augmentation import View
from classifier.inference import engine
from stages.extract import forward
from stages.extract import stage as extract
from tests.project import draw

pytestmark = pytest.mark.slow

NAMES = [
    f"input/{place}/{number}.png"
    for place in ("train/circle", "train/cross", "test")
    for number in range(3)
]


class Bench:
    """The stage in a folder with a real network, loaded once."""

    def __init__(self, folder, set_param):
        self.folder = folder
        self.set_param = set_param
        self.passes = []
        for number, name in enumerate(NAMES):
            draw(folder / name, "circle", number)

    def extract(self, names, batch_size=4):
        """Runs the stage on some of the images and returns how many were new."""
        self.set_param("extract.batch_size", batch_size)
        listed = [self.row(name) for name in sorted(names)]
        manifest.write(self.folder / manifest.PATH, listed)
        before = len(self.passes)
        extract.main()
        return len(self.passes) - before

    def row(self, name):
        sha256 = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        _, split, *rest = name.split("/")
        return ImageRow(name, split, rest[0] if len(rest) > 1 else "", sha256, 120, 90, "PNG")

    def views(self, names):
        return [View(row, 0) for row in map(self.row, names)]

    def files(self):
        return [
            (self.folder / "results" / f"{part}.npz").read_bytes() for part in ("train", "test")
        ]

    def forget(self):
        shutil.rmtree(self.folder / ".cache", ignore_errors=True)


@pytest.fixture
def bench(finished, inside, set_param, monkeypatch):
    shutil.copytree(finished.folder / "models" / "base", inside / "models" / "base")
    monkeypatch.setattr(file_index, "CLOCK_NS", 1)
    bench = Bench(inside, set_param)
    load = functools.cache(engine.load)

    class Counted:
        requests = 2
        enough = 3

        def __init__(self, folder, threads):
            self.network = load(folder)

        def features(self, pixels):
            bench.passes += [None] * len(pixels)
            return self.network.features(pixels)

    monkeypatch.setattr(forward.engine, "load", Counted)
    return bench


def groupings():
    """Any order of the images, added in groups of any size with any batch size."""
    order = st.permutations(NAMES)
    cuts = st.lists(st.integers(1, len(NAMES) - 1), max_size=4, unique=True).map(sorted)
    return st.tuples(order, cuts, st.lists(st.integers(1, 9), min_size=5, max_size=5))


def test_any_order_and_grouping_gives_the_same_bytes_and_computes_each_once(bench):
    assert bench.extract(NAMES) == len(NAMES)
    expected = bench.files()

    @settings(max_examples=25)
    @given(case=groupings())
    def check(case):
        order, cuts, sizes = case
        bench.forget()
        total = 0
        for end, size in zip([*cuts, len(NAMES)], sizes, strict=False):
            total += bench.extract(order[:end], size)
        assert bench.files() == expected
        assert total == len(NAMES)

    check()


def test_without_its_store_it_gives_the_same_bytes(bench):
    bench.extract(NAMES)
    expected = bench.files()
    bench.forget()
    assert bench.extract(NAMES, batch_size=3) == len(NAMES)
    assert bench.files() == expected


def test_the_number_of_workers_changes_no_byte(bench, monkeypatch):
    bench.extract(NAMES)
    expected = bench.files()
    for count in (1, 7):
        bench.forget()
        monkeypatch.setattr(forward.os, "cpu_count", lambda count=count: count)
        bench.extract(NAMES)
        assert bench.files() == expected


def test_a_damaged_row_is_computed_again_and_said(bench, capsys):
    bench.extract(NAMES)
    expected = bench.files()
    (path,) = (bench.folder / ".cache" / feature_cache.FOLDER).iterdir()
    data = bytearray(path.read_bytes())
    data[data.rindex(expected[1][256:300])] ^= 4
    path.write_bytes(data)
    assert bench.extract(NAMES) == 1
    assert bench.files() == expected
    said = capsys.readouterr()
    assert f"warning: {path.relative_to(bench.folder)}: 1 damaged rows were computed" in said.err
    assert " 9 images, 1 new " in said.out
    assert bench.extract(NAMES) == 0


def test_where_it_met_another_process_it_goes_another_way(bench, monkeypatch):
    kept = FeatureCache(database.cache_folder(), "f" * 64, (288,), "float32", "")
    table = bench.views(sorted(NAMES))
    straight = list(forward.missing(table, kept, 2))
    assert straight == table
    kept.contended = True
    orders = {tuple(view.row.path for view in forward.missing(table, kept, 2)) for _ in range(20)}
    assert len(orders) > 1
    assert all(sorted(order) == sorted(NAMES) for order in orders)


def test_what_another_process_computes_meanwhile_is_left_out(bench):
    ours, theirs = (
        FeatureCache(database.cache_folder(), "f" * 64, (1,), "float32", "") for _ in range(2)
    )
    table = bench.views(sorted(NAMES))
    asked = forward.missing(table, ours, 2)
    assert list(itertools.islice(asked, 2)) == table[:2]
    theirs.put([view.key for view in table[2:6]], [[0.0]] * 4)
    assert list(asked) == table[6:]


def test_a_content_is_asked_for_once_though_many_images_have_it(bench, monkeypatch):
    monkeypatch.setattr(forward, "WINDOW", 2)
    kept = FeatureCache(database.cache_folder(), "f" * 64, (1,), "float32", "")
    table = bench.views(NAMES[:1] * 9)
    assert list(forward.missing(table, kept, 2)) == table[:1]
