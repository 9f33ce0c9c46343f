"""Write the whole classifier, from pixels to class probabilities, in formats of other programs.

Reads   models/base, models/head, models/pretrained.h5, results/metrics.json
Writes  models/exported
"""

import contextlib
import io
import json
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from classifier import exported, head
from classifier.backbone import pretrained
from classifier.common import files, params
from classifier.evaluation import metrics
from classifier.evaluation.predictions import Params as PredictParams
from classifier.exported import ExportedInfo
from classifier.inference import base
from stages.export import model_card
from stages.export.models import TrainedClassifier
from stages.export.params import Params, chosen_formats

LABELS = "labels.json"
THRESHOLDS = "thresholds.json"


@contextmanager
def quiet_converters() -> Iterator[None]:
    """Hides what the converters print and warn about."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def main(
    base_folder: Path = base.FOLDER,
    head_folder: Path = head.FOLDER,
    weights: Path = pretrained.PATH,
    metrics_json: Path = metrics.PATH,
    out: Path = exported.FOLDER,
) -> None:
    """Exports the classifier in the formats chosen in params.yaml."""
    formats = chosen_formats(params.load("export", Params))
    info, trained_head = base.read_info(base_folder), head.read(head_folder)
    settings = params.load("predict", PredictParams)
    threshold = trained_head.novelty_threshold(settings.keep)
    thresholds = {"novelty": threshold if math.isfinite(threshold) else None}
    classifier = TrainedClassifier(info, trained_head, base_folder, weights, threshold)
    scores = json.loads(metrics_json.read_text(encoding="utf-8"))
    files.require_space(out, len(formats) * pretrained.SIZE)  # none is larger
    with files.atomic_folder(out, LABELS) as part:
        for one in formats:
            with quiet_converters():
                one.write(classifier, part / one.path)
        files.write_json(part / LABELS, trained_head.info.class_names)
        files.write_json(part / THRESHOLDS, thresholds)
        exported.write_info(
            part,
            ExportedInfo(
                trained_head.info,
                info.image_height,
                info.image_width,
                settings.top_k,
                thresholds["novelty"],
                settings.min_probability,
            ),
        )
        text = model_card.model_card(info, trained_head.info, scores, formats, threshold)
        (part / model_card.NAME).write_text(text, encoding="utf-8", newline="\n")
    names = ", ".join(one.path for one in formats) or "model card only"
    size_mb = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    print(f"export: {names}, {size_mb:.1f} MB -> {out.as_posix()}{trained_head.info.warning}")
