"""Section `export` of params.yaml: which formats to write."""

from dataclasses import make_dataclass
from importlib.util import find_spec
from typing import Any

from classifier.common.errors import StageError
from stages.export.formats import keras, onnx, openvino, saved_model, tflite
from stages.export.models import ExportFormat

FORMATS: tuple[ExportFormat, ...] = (  # in the order of the model card
    openvino.FORMAT,
    keras.FORMAT,
    saved_model.FORMAT,
    onnx.FORMAT,
    tflite.FORMAT,
    tflite.FORMAT_INT8,
)


def chosen_formats(settings: Any) -> list[ExportFormat]:
    """Returns the formats that section `export` switches on."""
    return [one for one in FORMATS if getattr(settings, one.name)]


def require_packages(settings: Any) -> None:
    """Raises a StageError if a chosen format needs packages that are not installed."""
    formats = chosen_formats(settings)
    missing = {one.name: [p for p in one.packages if not find_spec(p)] for one in formats}
    errors = [
        f"params.yaml: export.{name} needs more packages: "
        f"run `pip install {' '.join(packages)}`, or set it to false"
        for name, packages in missing.items()
        if packages
    ]
    if errors:
        raise StageError(*errors)


Params = make_dataclass(
    "Params",
    [(one.name, bool) for one in FORMATS],
    namespace={"__doc__": __doc__, "__post_init__": require_packages},
    frozen=True,
)
