"""Read every file of the user's folders once, and say what is wrong before any hard work.

Reads   dataset.source of params.yaml: input/train, input/validation, input/test, input/unlabelled
        and input/labels.csv, or a list of images elsewhere
        (results/params_checked.txt is a dep only to wait for stage `params`)
Writes  results/images.csv, results/unlabelled.csv, results/perceptual_hashes.npy,
        results/problems.csv, results/dataset.json, results/warnings.txt
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from classifier.cache import database
from classifier.cache.files import DecodeResult, FileIndex
from classifier.common import files, params, parquet, progress
from classifier.common.errors import StageError, count, first_names
from classifier.common.scratch import Scratch
from classifier.dataset import duplicates, folders, manifest, problems, source
from classifier.dataset import warnings as warnings_file
from classifier.dataset.folders import InputFile
from classifier.dataset.manifest import ImageRow
from classifier.dataset.problems import Problem
from classifier.images import conversion, perceptual_hash
from classifier.images.decode_pool import DecodePool
from classifier.images.grey_levels import Ranges
from stages.validate import dvc_links, folder_warnings
from stages.validate.bursts import BurstGroups
from stages.validate.checks import CHECKS
from stages.validate.dataset import Dataset
from stages.validate.input_images import read_images
from stages.validate.params import Params
from stages.validate.ray_check import ClusterCheck
from stages.validate.statistics import DatasetStatistics

DATASET = Path("results/dataset.json")
CODES = [check.code for check in CHECKS]


def read(
    find: Callable[[], Iterable[InputFile]],
    total: int,
    index: FileIndex,
    pool: DecodePool,
    settings: Params,
) -> Iterator[tuple[InputFile, str, DecodeResult]]:
    """Yields what `read_images` does; on a cluster, all that is not known is read there first."""
    cluster = ClusterCheck(index, settings, pool)
    if settings.run_on == "ray":
        with progress.bar("validate", total) as bar:
            cluster.run(find(), total, bar.set_postfix_str, bar.update)
    with progress.bar("validate", total) as bar:
        for image in read_images(find(), index, pool, settings, cluster.unkept):
            bar.update()
            yield image


def write_images(
    outs: tuple[Path, Path, Path], dataset: Dataset, settings: Params, scratch: Scratch
) -> tuple[DatasetStatistics, list[Problem], BurstGroups]:
    """Writes the rows of the usable images, one by one, and returns all else there is to know.

    Images in folders that are no class have no label. Composed and decomposed forms of
    an accented letter are the same. The second of `outs` is of the unlabelled images, the third
    has the perceptual hashes of the others. The statistics can be read while `scratch` is open.
    """
    statistics = DatasetStatistics(scratch, settings.group_seconds, settings.value_range)
    all_problems = list[Problem]()
    classes = {folders.nfc(name): name for name in dataset.class_names}
    find, total = dataset.files, dataset.contents.total
    with (
        closing(FileIndex(database.cache_folder())) as index,
        closing(DecodePool(settings.pixels)) as pool,
        manifest.open_writer(outs[0]) as write_row,
        manifest.open_writer(outs[1]) as write_unlabelled,
        perceptual_hash.open_writer(outs[2]) as write_hash,
    ):
        for file, sha256, result in read(find, total, index, pool, settings):
            path = file.path.as_posix()
            if result.problem:
                path = os.fsencode(path).decode("utf-8", "backslashreplace")
                details = (result.problem, result.detail, "skipped", file.split)
                all_problems.append(Problem(path, *details))
                continue
            all_problems += [Problem(path, *item, "kept") for item in result.failed_checks.items()]
            label = classes.get(folders.nfc(file.folder), "")
            size = (result.width, result.height)
            others = (result.format, file.group, result.conversion)
            row = ImageRow(path, file.split, label, sha256, *size, *others)
            if row.split == folders.UNLABELLED:
                write_unlabelled(row)
            else:
                write_row(row)
                write_hash(result.perceptual_hash)
            statistics.add(row, result.perceptual_hash, result.capture)
            if result.extremes:
                statistics.add_extremes(row, result.extremes)
    ranges, groups = statistics.grey_ranges(), statistics.bursts.groups()
    names = groups.of_rows()
    if ranges or len(groups):
        manifest.change_rows(outs[0], lambda row: _completed(row, ranges, next(names) or row.group))
    if ranges:
        manifest.change_rows(outs[1], lambda row: _completed(row, ranges, row.group))
    return statistics, all_problems, groups


def _completed(row: ImageRow, ranges: Ranges, group: str) -> ImageRow:
    return row._replace(conversion=conversion.with_ranges(row.conversion, ranges), group=group)


def summary(
    statistics: DatasetStatistics, all_problems: list[Problem], ignored: int
) -> dict[str, int]:
    """Returns the counts of results/dataset.json."""
    codes = Counter(problem.problem for problem in all_problems)
    return {
        "classes": len(statistics.per_class),
        **{name: statistics.counts[name] for name in (*folders.FOLDERS, "test_labelled")},
        "smallest_class": min(statistics.per_class.values()),
        "largest_class": max(statistics.per_class.values()),
        "skipped": sum(problem.action == "skipped" for problem in all_problems),
        "duplicates": sum(codes[code] for code in duplicates.CODES),
        **{code: codes[code] for code in CODES},
        "ignored": ignored,
    }


def main(
    images_csv: Path = manifest.PATH,
    unlabelled_csv: Path = manifest.UNLABELLED,
    hashes_npy: Path = perceptual_hash.PATH,
    problems_csv: Path = problems.PATH,
    dataset_json: Path = DATASET,
    warnings_txt: Path = warnings_file.PATH,
) -> None:
    """Validates the images of the folders below `input/`, or of a list."""
    settings = params.load("validate", Params)
    dvc_links.keep_images()
    with source.open_list() as elsewhere, Scratch(images_csv.parent) as scratch:
        with files.disk_errors(images_csv):
            images_csv.parent.mkdir(parents=True, exist_ok=True)
            dataset = Dataset.survey(elsewhere, scratch)
        dataset.require_valid()
        n_files = dataset.contents.total
        as_parquet = settings.as_parquet(n_files)
        with (
            manifest.replace(images_csv, as_parquet) as part,
            manifest.replace(unlabelled_csv, as_parquet) as second,
            files.atomic_write(hashes_npy) as third,
        ):
            outs = part, second, third
            statistics, all_problems, bursts = write_images(outs, dataset, settings, scratch)
            skip = settings.bad_images == "skip"
            if errors := dataset.fatal_errors(skip, statistics, all_problems):
                raise StageError(*errors)
            candidates = statistics.possible_duplicates(manifest.iter_rows(part))
            all_problems += duplicates.exact_duplicates(candidates)
    problems.write(problems_csv, all_problems)
    counts = summary(statistics, all_problems, dataset.left_out.system_files.total())
    files.write_json(dataset_json, counts)
    warnings = dataset.warnings()
    place = dataset.place
    warnings += folder_warnings.missing_class_warnings(place, statistics.labels)
    warnings += folder_warnings.image_warnings(place(""), counts)
    warnings += folder_warnings.dataset_warnings(place("train"), statistics.per_class, all_problems)
    warnings_file.write(warnings_txt, warnings)
    hidden, unscored = sorted(dataset.left_out.system_files), dataset.unscored_folders()
    tables = manifest.file_of(images_csv), manifest.file_of(unlabelled_csv)
    line = output_line(counts, all_problems, unscored, hidden, tables)
    line += burst_part(bursts, settings.group_seconds) + depth_part(statistics.grey_ranges())
    if settings.wants_parquet(n_files) and not as_parquet:
        line += f"; as Parquet, {images_csv.as_posix()} would be a quarter as large: run "
        line += f"`pip install {parquet.PACKAGE}`, then `dvc repro -f -s validate`"
    print(line)


def burst_part(bursts: BurstGroups, gap: int) -> str:
    """Returns the part of the line about images that were taken shortly after each other."""
    if not len(bursts):
        return ""
    images, seconds = count(bursts.n_images, "image"), count(gap, "second")
    return f"; {images} in {count(len(bursts), 'group')} of one camera within {seconds}"


def depth_part(ranges: Ranges) -> str:
    """Returns the part of the line about images of more than 8 bits."""
    return "".join(
        f"; {depth} images: black is {levels.black:.9g}, white {levels.white:.9g}"
        for depth, levels in ranges.items()
    )


def output_line(
    counts: dict[str, int],
    all_problems: list[Problem],
    unscored: list[str],
    hidden: list[str],
    outs: tuple[Path, Path],
) -> str:
    """Returns the line that the stage prints."""
    classes = count(counts["classes"], "class", "classes")
    line = f"validate: {counts['train']:,} train, {counts['validation']:,} validation and "
    line += f"{count(counts['test'], 'test image')} of {classes} -> {outs[0].as_posix()}"
    if counts["unlabelled"]:
        line += f"; {counts['unlabelled']:,} unlabelled -> {outs[1].as_posix()}"
    if not counts["test"]:
        line += "; no test images: the predictions will be empty"
    if unscored:
        folder_names = first_names([f"input/test/{name}" for name in unscored])
        line += f"; not scored, because not named like a class: {folder_names}"
    if skipped := [p for p in all_problems if p.action == "skipped"]:
        names = first_names([f"{problem.path} ({problem.problem})" for problem in skipped])
        line += f"; {len(skipped):,} skipped: {names}"
    if counts["duplicates"]:
        line += f"; {count(counts['duplicates'], 'exact duplicate')}"
    codes = Counter(problem.problem for problem in all_problems)
    for code in (*duplicates.CODES[:-1], *CODES):
        line += f"; {codes[code]:,} {code}" if codes[code] else ""
    if all_problems:
        line += f" (see {problems.PATH.as_posix()})"
    if counts["ignored"]:
        line += f"; {count(counts['ignored'], 'hidden file')} ignored: {first_names(hidden)}"
    return line
