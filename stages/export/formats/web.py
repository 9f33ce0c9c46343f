"""A web page that classifies images on the visitor's own machine, with ONNX Runtime Web."""

import shutil
import tarfile
from pathlib import Path

from classifier.backbone import pretrained
from classifier.common import files
from classifier.common.errors import StageError
from classifier.exported import ExportedInfo
from stages.export.formats import onnx
from stages.export.models import TrainedClassifier

OFF = "none"  # as the value of export.web
FOLDER = "web"
PACKAGE = "onnxruntime-web@1.30.0"
RUNTIME = "onnxruntime-web-1.30.0.tgz"  # what `npm pack` makes of it
SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
PARTS = {  # of the runtime, and their names in the folder of the page
    "package/dist/ort.wasm.bundle.min.mjs": "onnxruntime.js",  # servers know the type of .js
    "package/dist/ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
}
CARD = f"""
## {FOLDER}

A page that classifies images and the camera on the visitor's own machine, with ONNX Runtime Web.
Run `python -m http.server` in this folder and open http://localhost:8000, or copy the folder to any
web server.
"""
PAGE = Path(__file__).parents[1] / "web_page"


def require_runtime(value: str) -> None:
    """Raises a StageError unless export.web is the path of the runtime, whole and unchanged."""
    remedy = f"run `npm pack {PACKAGE}`, or set it to {OFF}"
    place = files.given_file(value)
    if not place.is_file():
        rule = f"{OFF} or the path of {RUNTIME}"
        raise StageError(f"params.yaml: export.web must be {rule}; got {value!r}: {remedy}")
    if (found := pretrained.file_hash(place, "sha256")) != SHA256:
        rule = f"a file with sha256 {SHA256}"
        raise StageError(f"params.yaml: export.web must be {rule}; got {found}: {remedy}")


def write(classifier: TrainedClassifier, info: ExportedInfo, runtime: str, folder: Path) -> None:
    """Makes the folder of the page, which needs no file outside it.

    Args:
        classifier: the trained classifier.
        info: what the page shows of it.
        runtime: value of export.web, the path of ONNX Runtime Web.
        folder: to make.
    """
    write_page(info, runtime, folder)
    onnx.write(classifier, folder / onnx.FORMAT.path)


def write_page(info: ExportedInfo, runtime: str, folder: Path) -> None:
    """Makes the folder of the page without the model."""
    shutil.copytree(PAGE, folder)
    with tarfile.open(files.given_file(runtime)) as archive:
        for member, name in PARTS.items():
            if file := archive.extractfile(member):
                (folder / name).write_bytes(file.read())
    settings = {
        "class_names": info.head.class_names,
        "warning": info.head.warning.strip("; "),
        "height": info.image_height,
        "width": info.image_width,
        "threshold": info.threshold,
        "min_probability": info.min_probability,
    }
    files.write_json(folder / "classifier.json", settings)
