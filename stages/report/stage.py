"""Put all results on one page.

Reads   results/images.csv, results/problems.csv, results/dataset.json, results/inspection.csv,
        results/history.csv, results/metrics.json, results/scored_validation.csv,
        results/scored_test.csv, results/classes.csv, results/calibration.csv,
        results/predictions.csv, models/base, models/head, input
Writes  results/report.html
"""

import time
from pathlib import Path

from classifier import head
from classifier.common import files, params
from classifier.common.errors import count
from classifier.dataset import manifest
from classifier.html import thumbnails
from classifier.inference import base
from stages.report import page, run_results, selection

RESULTS = Path("results")
REPORT = RESULTS / "report.html"
BUDGET = 6_000_000  # characters of thumbnails in the page
NO_EFFECT = ("extract.batch_size", "extract.threads")  # params that change no result


def main(
    results: Path = RESULTS,
    base_folder: Path = base.FOLDER,
    head_folder: Path = head.FOLDER,
    out: Path = REPORT,
) -> None:
    """Writes the report."""
    started = time.perf_counter()
    values = params.load_all(NO_EFFECT)
    run = run_results.read(results, base.read_info(base_folder), head_folder, values)
    rows = run_results.rows_of(results / manifest.PATH.name, selection.images_to_show(run))
    uris = thumbnails.make(rows, BUDGET)
    text = page.page(run, uris, {row.path: row for row in rows})
    with files.atomic_write(out) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    size, seconds = len(text.encode()) / 1e6, time.perf_counter() - started
    shown = count(len(uris), "thumbnail")
    print(f"report: {shown}, {size:.1f} MB -> {out.as_posix()}, {seconds:.1f} s")
