"""Put all results on one page.

Reads   results/images.csv and the images it lists, results/problems.csv, results/inspection.csv,
        results/history.csv, results/metrics.json, results/scored_validation.csv,
        results/scored_test.csv, results/classes.csv, results/calibration.csv,
        results/coverage.csv, results/thresholds.csv, results/leaks.csv,
        results/learning_curve.csv, results/accuracy_by_similarity.csv,
        results/predictions.csv, results/warnings.txt, models/base, models/head, and what the
        last git commit holds of a run, if it does
Writes  results/report.html
"""

import time
from contextlib import closing
from pathlib import Path

from classifier.cache import database
from classifier.cache.results import ResultCache
from classifier.common import files, params
from classifier.common.errors import count
from classifier.dataset import manifest
from classifier.html import thumbnails
from stages.report import heat_maps, page, run_results
from stages.report.params import Params

REPORT = Path("results/report.html")
BUDGET = 6_000_000  # characters of thumbnails in the page


def main() -> None:
    """Writes the report."""
    started = time.perf_counter()
    settings = params.load("report", Params)
    run = run_results.read(params.load_all())
    paths = run.images_to_show()
    unique = set(paths)
    all_images = manifest.iter_rows(manifest.PATH)
    rows = {row.path: row for row in all_images if row.path in unique}
    explained = {path: run.class_names.index(name) for path, name in run.explained.items()}
    folder = database.cache_folder()
    with closing(ResultCache(folder)) as cache:
        shown = thumbnails.make((rows[path] for path in paths if path in rows), BUDGET, cache)
        heats = {}
        if settings.heat_maps:
            to_explain = [rows[path] for path in explained if path in rows]
            heats = heat_maps.make(to_explain, explained, folder, cache)
    text = page.parts(run, shown, heats)
    with files.atomic_write(REPORT) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(text)
    size, seconds = REPORT.stat().st_size / 1e6, time.perf_counter() - started
    images = f"{count(len(shown), 'thumbnail')}, {count(len(heats), 'heat map')}"
    print(f"report: {images}, {size:.1f} MB -> {REPORT.as_posix()}, {seconds:.1f} s")
