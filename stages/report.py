"""Put all that a run found into one page for people.

Reads   results/images.csv, results/problems.csv, results/dataset.json, results/inspection.csv,
        results/history.csv, results/metrics.json, results/validation.csv, results/test.csv,
        results/classes.csv, results/calibration.csv, results/predictions.csv, models/base,
        models/head, input
Writes  results/report.html
"""

import time
from pathlib import Path

from stages import base, facts, head, manifest, outputs, page, params, selection, thumbnails
from stages.errors import run

RESULTS = Path("results")
REPORT = RESULTS / "report.html"
BUDGET = 6_000_000  # characters of pictures in the page
WITHOUT_EFFECT = ("extract.batch_size", "extract.threads")  # on any result


def main(
    results: Path = RESULTS,
    base_folder: Path = base.FOLDER,
    head_folder: Path = head.FOLDER,
    out: Path = REPORT,
) -> None:
    """Writes the report."""
    started = time.perf_counter()
    values = params.everything(WITHOUT_EFFECT)
    found = facts.read(results, base.read_about(base_folder), head_folder, values)
    rows = facts.rows(results / manifest.PATH.name, selection.wanted(found))
    thumbs = thumbnails.make(rows, BUDGET)
    text = page.page(found, thumbs, {row.path: row for row in rows})
    with outputs.whole(out) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    size, seconds = len(text.encode()) / 1e6, time.perf_counter() - started
    print(f"report: {len(thumbs)} pictures, {size:.1f} MB -> {out.as_posix()}, {seconds:.1f} s")


if __name__ == "__main__":
    run(main)
