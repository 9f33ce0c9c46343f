"""Write the whole classifier, from pixels to class probabilities, in formats of other programs.

Reads   models/base, models/head, results/scored_test.csv, results/scored_validation.csv,
        results/validation_predictions.npz
Writes  models/exported, results/exports.csv
"""

import contextlib
import io
import logging
import math
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from classifier import exported, head
from classifier.backbone import pretrained
from classifier.cache import database
from classifier.cache.results import ResultCache
from classifier.common import files, params
from classifier.common.errors import StageError
from classifier.common.scratch import Scratch
from classifier.dataset import validation_predictions
from classifier.dataset.validation_predictions import ValidationPredictions
from classifier.evaluation import drift_reference, metrics, scored_images
from classifier.evaluation.intervals import independent_count
from classifier.evaluation.predictions import Params as PredictParams
from classifier.evaluation.scored_validation import score
from classifier.exported import ExportedInfo
from classifier.inference import base
from classifier.inference.base import BaseInfo
from stages.export import agreement, model_card, model_outputs, read_image
from stages.export.agreement import Agreement, Sample
from stages.export.formats import web
from stages.export.model_outputs import Reader
from stages.export.models import ExportFormat, TrainedClassifier
from stages.export.params import Params, chosen_formats

LABELS = "labels.json"
THRESHOLDS = "thresholds.json"
READ_IMAGE = "read_image.py"


@contextmanager
def quiet_converters() -> Iterator[None]:
    """Hides what the converters print and warn about."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def reporting(name: str) -> Iterator[None]:
    """Raises a StageError for an operation of the network that is not translated to a format."""
    try:
        yield
    except NotImplementedError as error:
        off = web.OFF if name == web.FOLDER else "false"
        raise StageError(
            f"export.{name}: needs a translation of each operation; got {error}: set it to {off}, "
            "or install the versions of requirements.txt and run `dvc repro -f freeze`"
        ) from error


def require_int8(formats: Sequence[ExportFormat], info: BaseInfo) -> None:
    """Raises a StageError if a format needs an int8 network and this is none."""
    errors = [
        f"export.{one.name}: needs freeze.precision int8; got {info.precision}: set it to false, "
        "or freeze.precision to int8"
        for one in formats
        if one.precision not in ("", info.precision)
    ]
    if errors:
        raise StageError(*errors)


def measured(
    folder: Path, classifier: TrainedClassifier, formats: Sequence[ExportFormat], images: Sample
) -> list[Agreement]:
    """Returns how closely the exports in a folder agree with the pipeline on some images."""
    info, trained_head = classifier.info, classifier.head
    ranges = model_card.grey_ranges(trained_head.info)
    reader = Reader((info.image_width, info.image_height), ranges)
    with closing(ResultCache(database.cache_folder())) as cache, quiet_converters():
        hashes = model_outputs.hashes(images.paths)
        expected = model_outputs.of_pipeline(
            hashes, classifier.base_folder, trained_head, info, cache
        )
        outputs = {
            one: model_outputs.of_export(one, folder, hashes, reader, cache) for one in formats
        }
    return [agreement.measure(one, folder, images, expected, outputs[one]) for one in formats]


def compute_scores(
    validated: ValidationPredictions, scored_test: Path, folder: Path
) -> dict[str, dict[str, float]]:
    """Returns the metrics of the validation and test images, as in results/metrics.json.

    That file also has what changes with test images of unknown class, which is no reason to export
    again. Temporary files are in `folder`.
    """
    with Scratch(folder) as scratch:
        scored = score(validated, scratch)
        independent = independent_count(scored.correct, validated.groups)
        scores = {"validation": metrics.compute(scored, independent)}
    if len((tested := scored_images.read(scored_test)).label):
        scores["test"] = metrics.compute(tested)
    return scores


def main(
    base_folder: Path = base.FOLDER,
    head_folder: Path = head.FOLDER,
    scored_test: Path = scored_images.TEST,
    scored_validation: Path = scored_images.VALIDATION,
    predictions_npz: Path = validation_predictions.PATH,
    out: Path = exported.FOLDER,
    exports_csv: Path = agreement.PATH,
) -> None:
    """Exports the classifier in the formats chosen in params.yaml."""
    chosen: Any = params.load("export", Params)
    formats = chosen_formats(chosen)
    info, trained_head = base.read_info(base_folder), head.read(head_folder)
    require_int8(formats, info)
    settings = params.load("predict", PredictParams)
    threshold = trained_head.novelty_threshold(settings.keep)
    thresholds = {"novelty": threshold if math.isfinite(threshold) else None}
    classifier = TrainedClassifier(info, trained_head, base_folder, threshold)
    about = ExportedInfo(
        trained_head.info,
        info.image_height,
        info.image_width,
        settings.top_k,
        thresholds["novelty"],
        settings.min_probability,
    )
    with_page = chosen.web != web.OFF
    files.require_space(out, (len(formats) + 2 * with_page) * pretrained.SIZE)  # none is larger
    with files.atomic_folder(out, LABELS) as part:
        for one in formats:
            with quiet_converters(), reporting(one.name):
                one.write(classifier, part / one.path)
        if with_page:
            with reporting(web.FOLDER):
                web.write(classifier, about, chosen.web, part / web.FOLDER)
        files.write_json(part / LABELS, trained_head.info.class_names)
        files.write_json(part / THRESHOLDS, thresholds)
        exported.write_info(part, about)
        validated = validation_predictions.read(predictions_npz)
        drift_reference.write(part, drift_reference.of(validated, threshold))
        shutil.copyfile(read_image.__file__, part / READ_IMAGE)
        own = all(one.name == "openvino" for one in formats)
        most = agreement.FEW_IMAGES if own else agreement.IMAGES
        class_names = trained_head.info.class_names
        images = agreement.sample(scored_test, scored_validation, class_names, most)
        rows = measured(part, classifier, formats, images)
        scores = compute_scores(validated, scored_test, part)
        text = model_card.model_card(info, trained_head.info, scores, formats, threshold, rows)
        text += web.CARD * with_page
        (part / model_card.NAME).write_text(text, encoding="utf-8", newline="\n")
    agreement.write(exports_csv, rows)
    agreement.require_agreement(rows, info.weights)
    paths = [one.path for one in formats] + [web.FOLDER] * with_page
    names = ", ".join(paths) or "model card only"
    size_mb = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    print(f"export: {names}, {size_mb:.1f} MB -> {out.as_posix()}{trained_head.info.warning}")
