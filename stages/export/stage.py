"""Write the whole classifier, from pixels to class probabilities, in formats of other programs.

Reads   models/base, models/head, models/pretrained.h5, results/metrics.json
Writes  models/exported
"""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import make_dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from classifier import head
from classifier.backbone import pretrained
from classifier.common import files, params
from classifier.common.errors import StageError
from classifier.evaluation import metrics
from classifier.inference import base
from stages.export import model_card
from stages.export.formats import keras, onnx, openvino, saved_model, tflite
from stages.export.models import ExportFormat, TrainedClassifier

FOLDER = Path("models/exported")
LABELS = "labels.json"
FORMATS: tuple[ExportFormat, ...] = (  # in the order of the model card
    openvino.FORMAT,
    keras.FORMAT,
    saved_model.FORMAT,
    onnx.FORMAT,
    tflite.FORMAT,
    tflite.FORMAT_INT8,
)

Params = make_dataclass(
    "Params",
    [(one.name, bool) for one in FORMATS],
    namespace={"__doc__": "Section `export` of params.yaml: which formats to write."},
    frozen=True,
)


def require_packages(formats: Sequence[ExportFormat]) -> None:
    """Raises a StageError if a format needs packages that are not installed."""
    missing = {one.name: [p for p in one.packages if not find_spec(p)] for one in formats}
    errors = [
        f"params.yaml: export.{name} needs more packages: "
        f"run `pip install {' '.join(packages)}`, or set it to false"
        for name, packages in missing.items()
        if packages
    ]
    if errors:
        raise StageError(*errors)


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
    metrics_json: Path = metrics.METRICS,
    out: Path = FOLDER,
) -> None:
    """Exports the classifier in the formats chosen in params.yaml."""
    settings: Any = params.load("export", Params)
    formats = [one for one in FORMATS if getattr(settings, one.name)]
    require_packages(formats)
    info, trained_head = base.read_info(base_folder), head.read(head_folder)
    classifier = TrainedClassifier(info, trained_head, base_folder, weights)
    scores = json.loads(metrics_json.read_text(encoding="utf-8"))
    with files.atomic_write(out) as part:
        part.mkdir()
        for one in formats:
            with quiet_converters():
                one.write(classifier, part / one.path)
        files.write_json(part / LABELS, trained_head.info.class_names)
        text = model_card.model_card(info, trained_head.info, scores, formats)
        (part / model_card.NAME).write_text(text, encoding="utf-8", newline="\n")
    names = ", ".join(one.path for one in formats) or "model card only"
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    print(f"export: {names}, {size:.1f} MB -> {out.as_posix()}{trained_head.info.warning}")
