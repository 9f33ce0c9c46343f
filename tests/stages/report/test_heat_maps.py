from contextlib import closing

import numpy as np

from classifier import head
from classifier.cache.results import ResultCache
from classifier.dataset import manifest
from stages.report import heat_maps, kept_maps
from tests.project import copy


def test_a_new_head_needs_only_maps_that_are_kept(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(copy(finished, tmp_path / "project").folder)
    rows = list(manifest.iter_rows(manifest.PATH))[:6]
    classes = {row.path: number % 3 for number, row in enumerate(rows)}

    def times():
        files = (tmp_path / kept_maps.FOLDER).iterdir()
        return {path.name: path.stat().st_mtime_ns for path in files}

    with closing(ResultCache(tmp_path)) as cache:
        first = heat_maps.make(rows[:5], classes, tmp_path, cache)
        written = times()
        with (head.FOLDER / head.INFO).open("a") as file:
            file.write("\n")
        again = heat_maps.make(rows[:5], classes, tmp_path, cache)
        assert times() == written
        heat_maps.make(rows[1:], classes, tmp_path, cache)
        assert len(times()) == 6 and written.items() < times().items()
    for path, heat in first.items():
        assert np.array_equal(heat, again[path]) and np.ptp(heat) > 0
