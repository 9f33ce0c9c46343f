"""Whatever the order, grouping, batch size or state of the cache: the same bytes, nothing twice."""

import functools
import hashlib
import itertools
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.cache import database
from classifier.cache import features as feature_cache
from classifier.cache import files as file_index
from classifier.cache.features import FeatureCache, new_rows
from classifier.dataset import features, manifest
from classifier.dataset.manifest import ImageRow
from classifier.images.augmentation import View, view_key
from classifier.inference import engine
from stages.extract import forward, threads
from stages.extract import stage as extract
from tests.feature_tables import contents
from tests.project import draw, write_images_csv

pytestmark = pytest.mark.slow

NAMES = [
    f"input/{place}/{number}.png"
    for place in ("train/circle", "train/cross", "test")
    for number in range(3)
]


class Bench:
    """The stage in a folder with a real network that is loaded once."""

    def __init__(self, folder, set_param):
        self.folder = folder
        self.set_param = set_param
        self.passes = 0  # through the network
        for number, name in enumerate(NAMES):
            draw(folder / name, "circle", number)

    def extract(self, names, batch_size=4):
        """Runs the stage on some of the images and returns the number of forward passes."""
        self.set_param("extract.batch_size", batch_size)
        write_images_csv(self.folder / manifest.PATH, [self.row(name) for name in sorted(names)])
        write_images_csv(self.folder / manifest.UNLABELLED, [])
        before = self.passes
        extract.main()
        return self.passes - before

    def row(self, name):
        sha256 = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        _, split, *rest = name.split("/")
        return ImageRow(name, split, rest[0] if len(rest) > 1 else "", sha256, 120, 90, "PNG")

    def views(self, names):
        return [View(row, 0, view_key(row.sha256)) for row in map(self.row, names)]

    def outputs(self):
        return [contents(self.folder / path) for path in (features.TRAIN, features.TEST)]

    def delete_outputs(self):
        for path in (features.TRAIN, features.TEST):
            shutil.rmtree(self.folder / path)

    def delete_cache(self):
        shutil.rmtree(self.folder / ".cache", ignore_errors=True)


@pytest.fixture
def bench(finished, inside, set_param, monkeypatch):
    shutil.copytree(finished.folder / "models" / "base", inside / "models" / "base")
    monkeypatch.setattr(file_index, "CLOCK_NS", 1)
    bench = Bench(inside, set_param)
    load = functools.cache(engine.load)

    class CountingEngine:
        concurrency = 2
        max_batch_size = 3

        def __init__(self, folder, threads):
            self.network = load(folder)

        def features(self, pixels):
            bench.passes += len(pixels)
            return self.network.features(pixels)

    monkeypatch.setattr(threads.engine, "load", CountingEngine)
    return bench


def groupings():
    """Any order of the images, added in groups of any size with any batch size."""
    order = st.permutations(NAMES)
    ends = st.lists(st.integers(1, len(NAMES) - 1), max_size=4, unique=True).map(sorted)
    return st.tuples(order, ends, st.lists(st.integers(1, 9), min_size=5, max_size=5))


def test_any_order_and_grouping_gives_the_same_bytes_and_computes_each_image_once(bench):
    assert bench.extract(NAMES) == len(NAMES)
    expected = bench.outputs()

    @settings(max_examples=15)
    @given(case=groupings())
    def check(case):
        order, ends, sizes = case
        bench.delete_cache()
        total = 0
        for end, size in zip([*ends, len(NAMES)], sizes, strict=False):
            total += bench.extract(order[:end], size)
        assert bench.outputs() == expected
        assert total == len(NAMES)

    check()


def test_without_its_cache_it_gives_the_same_bytes(bench):
    bench.extract(NAMES)
    expected = bench.outputs()
    bench.delete_cache()
    assert bench.extract(NAMES, batch_size=3) == len(NAMES)
    assert bench.outputs() == expected


def test_the_number_of_workers_changes_no_byte(bench, monkeypatch):
    bench.extract(NAMES)
    expected = bench.outputs()
    for count in (1, 7):
        bench.delete_cache()
        monkeypatch.setattr(threads.cores, "count", lambda count=count: count)
        bench.extract(NAMES)
        assert bench.outputs() == expected


def test_a_damaged_row_is_computed_again_and_reported(bench, capsys):
    bench.extract(NAMES)
    expected = bench.outputs()
    (path,) = (bench.folder / ".cache" / feature_cache.FOLDER).iterdir()
    data = bytearray(path.read_bytes())
    data[data.rindex(features.read(features.TEST).features[0].tobytes()[:44])] ^= 4
    path.write_bytes(data)
    bench.delete_outputs()
    assert bench.extract(NAMES) == 1
    assert bench.outputs() == expected
    output = capsys.readouterr()
    assert f"{path.relative_to(bench.folder)}: 1 damaged row computed again" in output.err
    assert " 9 images, 1 new " in output.out
    assert bench.extract(NAMES) == 0


def test_an_unwritable_cache_gives_the_same_bytes_and_keeps_nothing(bench, monkeypatch, capsys):
    bench.extract(NAMES)
    expected = bench.outputs()
    bench.delete_cache()
    bench.extract(NAMES[:4])
    access = database.os.access
    monkeypatch.setattr(
        database.os, "access", lambda path, mode: ".cache" not in str(path) and access(path, mode)
    )
    for _ in range(2):
        bench.delete_outputs()
        assert bench.extract(NAMES) == len(NAMES) - 4
        assert bench.outputs() == expected
        assert "cannot be written, so this run's results are not cached" in capsys.readouterr().err


def test_after_a_collision_with_another_process_the_order_is_random(bench):
    cache = FeatureCache(database.cache_folder(), "f" * 64, (288,), "float32", "")
    views = bench.views(sorted(NAMES))
    assert list(forward.missing(views, cache, 2)) == views
    cache.contended = True
    orders = {tuple(view.row.path for view in forward.missing(views, cache, 2)) for _ in range(20)}
    assert len(orders) > 1
    assert all(sorted(order) == sorted(NAMES) for order in orders)


def test_what_another_process_computes_meanwhile_is_left_out(bench):
    ours, theirs = (
        FeatureCache(database.cache_folder(), "f" * 64, (1,), "float32", "") for _ in range(2)
    )
    views = bench.views(sorted(NAMES))
    requested = forward.missing(views, ours, 2)
    assert list(itertools.islice(requested, 2)) == views[:2]
    theirs.put([view.key for view in views[2:6]], [[0.0]] * 4)
    assert list(requested) == views[6:]


def test_a_content_is_requested_once_though_many_images_have_it(bench, monkeypatch):
    monkeypatch.setattr(forward, "WINDOW", 2)
    cache = FeatureCache(database.cache_folder(), "f" * 64, (1,), "float32", "")
    views = bench.views(NAMES[:1] * 9)
    assert list(forward.missing(views, cache, 2)) == views[:1]


class InterruptedCache(FeatureCache):
    """Is interrupted as soon as rows are written, or before that."""

    late = True

    def add(self, rows):
        if self.late:
            super().add(rows)
        raise KeyboardInterrupt


class Zeros:
    batch_size = 4

    def map(self, groups, estimate):
        for views in groups:
            vectors = np.zeros((len(views), 1), "<f4")
            yield new_rows("f" * 64, "float32", [view.key for view in views], vectors)


@pytest.mark.parametrize("late", [True, False])
def test_an_interruption_counts_what_is_in_the_cache(bench, monkeypatch, late):
    cache = InterruptedCache(database.cache_folder(), "f" * 64, (1,), "float32", "")
    monkeypatch.setattr(InterruptedCache, "late", late)
    extractor = forward.FeatureExtractor(Zeros(), cache, lambda _: None)
    cached = "1 new image are cached" if late else "0 new images are cached"
    with pytest.raises(KeyboardInterrupt, match=cached):
        extractor.compute_missing(bench.views(NAMES), len(NAMES))


def test_a_handful_of_missing_views_is_computed_sooner_than_found_in_the_last_commit():
    few, many, of_few = ((8, 400), (9, 1000), (1, 21))
    assert not extract.should_import(*few)
    assert extract.should_import(*many) and extract.should_import(*of_few)
