"""Section `export` of params.yaml: which formats to write."""

from dataclasses import make_dataclass
from importlib.util import find_spec
from typing import Any

from classifier.common.errors import StageError, collected
from stages.export.formats import keras, onnx, openvino, saved_model, tflite, web
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
    needed = {one.name: (one.packages, "false") for one in chosen_formats(settings)}
    if settings.web != web.OFF:
        needed["web"] = onnx.FORMAT.packages, web.OFF
    errors = [
        f"params.yaml: export.{name} needs more packages: "
        f"run `pip install {' '.join(missing)}`, or set it to {off}"
        for name, (packages, off) in needed.items()
        if (missing := [package for package in packages if not find_spec(package)])
    ]
    if errors:
        raise StageError(*errors)


def check(settings: Any) -> None:
    """Raises a StageError that names all that is missing to write the chosen formats."""
    errors = list[str]()
    with collected(errors):
        require_packages(settings)
    if settings.web != web.OFF:
        with collected(errors):
            web.require_runtime(settings.web)
    if errors:
        raise StageError(*errors)


Params = make_dataclass(
    "Params",
    [*((one.name, bool) for one in FORMATS), ("web", str)],
    namespace={"__doc__": __doc__, "__post_init__": check},
    frozen=True,
)
