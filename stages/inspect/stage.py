"""Find duplicates, leaks, label errors and outliers; exclude from training what params.yaml says.

Reads   results/images.csv and the images it lists, results/perceptual_hashes.npy,
        results/features_train, results/features_test
Writes  results/inspection.csv, results/excluded.csv, results/near_duplicates.csv,
        results/similarity.csv
"""

from collections import Counter
from contextlib import closing
from pathlib import Path

from classifier.cache import database
from classifier.cache.results import ResultCache
from classifier.common import cores, files, heap, params
from classifier.common.errors import count, warn
from classifier.common.scratch import Scratch
from classifier.dataset import excluded, features, findings, manifest, npz, similarity
from classifier.dataset import near_duplicates as near_duplicates_file
from classifier.dataset.findings import FINDINGS
from classifier.images import perceptual_hash
from stages.inspect import listed_labels
from stages.inspect.exclusions import exclusion_reasons
from stages.inspect.inspection import inspect_images
from stages.inspect.params import Params


def summary_line(n_images: int, found: Counter[str], n_excluded: int, out: Path) -> str:
    """Returns the line the stage prints; `found` has the number of findings of each kind."""
    counts = ", ".join(f"{found[code]} {code}" for code in FINDINGS if found[code])
    excluded_part = f"; {n_excluded} excluded from training" if n_excluded else ""
    total = count(n_images, "image")
    return f"inspect: {total}: {counts or 'nothing found'} -> {out.as_posix()}{excluded_part}"


def main(
    images_csv: Path = manifest.PATH,
    hashes_npy: Path = perceptual_hash.PATH,
    train_folder: Path = features.TRAIN,
    test_folder: Path = features.TEST,
    out: Path = findings.PATH,
    excluded_csv: Path = excluded.PATH,
    near_duplicates_csv: Path = near_duplicates_file.PATH,
    similarity_csv: Path = similarity.PATH,
) -> None:
    """Inspects all images."""
    heap.share()
    heap.return_above(heap.SMALL)
    dropped = params.load("inspect", Params).dropped_findings()
    train, test = features.read(train_folder), features.read(test_folder)
    hashes = npz.stored_npy(hashes_npy)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = database.cache_folder()
    with cores.one_blas_thread(), files.disk_errors(out), Scratch(out.parent) as scratch:
        with closing(ResultCache(folder)) as cache:
            found = inspect_images(images_csv, hashes, train, test, folder, cache, scratch)
        paths = (row.path for row in manifest.iter_rows(images_csv))
        similarity.write(similarity_csv, paths, found.similarities)
        table, class_names = found.findings, train.class_names.tolist()
        table.add(listed_labels.find(manifest.iter_rows(images_csv), class_names))
        images = table.by_image(manifest.iter_rows(images_csv)) if dropped else ()
        n_excluded = excluded.write(excluded_csv, exclusion_reasons(images, dropped))
        findings.write(out, table)
        near_duplicates_file.write(near_duplicates_csv, found.copies)
        images = table.by_image(manifest.iter_rows(images_csv))
        for message in findings.warnings(images, dropped):
            warn(message)
    skipped = str(train.weights) == "random"
    note = "; label-error and outlier checks skipped (random weights)" if skipped else ""
    print(summary_line(len(hashes), table.counts, n_excluded, out) + note)
