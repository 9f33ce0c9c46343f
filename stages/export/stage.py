"""Write the whole classifier for other programs: from pixels to class probabilities.

Reads   models/base, models/head, models/pretrained.h5, results/metrics.json, results/split.csv
Writes  models/exported
"""

import json
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path

from classifier import head
from classifier.backbone import pretrained
from classifier.common import files, params
from classifier.common.errors import StageError
from classifier.evaluation import metrics
from classifier.head import Head
from classifier.inference import base
from classifier.inference.base import BaseInfo
from stages.export import formats, model_card, models

FOLDER = Path("models/exported")
LABELS = "labels.json"
PACKAGES = {"onnx": ("onnx", "tf2onnx")}  # that a format needs besides


@dataclass(frozen=True)
class Params:
    """Section `export` of params.yaml: which forms to write."""

    openvino: bool
    keras: bool
    saved_model: bool
    onnx: bool
    tflite: bool
    tflite_int8: bool

    def chosen(self) -> list[str]:
        """Returns the names of the forms, in the order of the card."""
        return [field.name for field in fields(self) if getattr(self, field.name)]


def require_possible(chosen: list[str]) -> None:
    """Raises a StageError if a form cannot be written."""
    faults = []
    for name in chosen:
        lacking = [one for one in PACKAGES.get(name, ()) if not find_spec(one)]
        if lacking:
            packages = " ".join(lacking)
            faults.append(
                f"params.yaml: export.{name} needs other packages: run `pip install {packages}`, "
                "or set it to false"
            )
    if faults:
        raise StageError(*faults)


def write(
    name: str, about: BaseInfo, model: Head, folder: Path, base_folder: Path, h5: Path
) -> None:
    """Writes one form of the classifier.

    Args:
        name: of the form.
        about: the frozen network.
        model: the head.
        folder: of all forms.
        base_folder: models/base.
        h5: models/pretrained.h5.
    """
    place = folder / model_card.FORMATS[name]
    if name == "openvino":
        whole = models.openvino_model(base_folder, about, model, h5)
        formats.write_openvino(whole, place.parent)
    elif name == "keras":
        formats.write_keras(models.keras_model(about, model, h5), place)
    else:
        sized = models.sized_model(about, model, h5, "uint8" if name == "tflite" else "float32")
        if name == "saved_model":
            formats.write_saved_model(sized, place)
        elif name == "onnx":
            formats.write_onnx(sized, place, model.info.class_names)
        else:
            formats.write_tflite(sized, place, name == "tflite_int8")


def main(
    base_folder: Path = base.FOLDER,
    head_folder: Path = head.FOLDER,
    h5: Path = pretrained.PATH,
    metrics_json: Path = metrics.METRICS,
    out: Path = FOLDER,
) -> None:
    """Exports the classifier in the forms that params.yaml asks for."""
    chosen = params.load("export", Params).chosen()
    about, model = base.read_info(base_folder), head.read(head_folder)
    require_possible(chosen)
    metrics = json.loads(metrics_json.read_text(encoding="utf-8"))
    names = model.info.class_names
    with files.atomic_write(out) as part:
        part.mkdir()
        for name in chosen:
            write(name, about, model, part, base_folder, h5)
        files.write_json(part / LABELS, names)
        text = model_card.model_card(about, names, model.info.train_images, metrics, chosen)
        (part / model_card.NAME).write_text(text, encoding="utf-8", newline="\n")
    said = ", ".join(model_card.FORMATS[name] for name in chosen) or "nothing but the card"
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    print(f"export: {said}, {size:.1f} MB -> {out.as_posix()}{model.info.warning}")
