"""models/exported/: the whole classifier as files that need nothing else of the project."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from classifier.common import files
from classifier.common.errors import StageError
from classifier.head import HeadInfo

FOLDER = Path("models/exported")
INFO = "classifier.json"
NETWORK = "openvino/model.xml"


@dataclass(frozen=True)
class ExportedInfo:
    """What `classify` and `serve` know of an exported classifier.

    Attributes:
        head: what its head was trained on.
        image_height: pixels that the network sees.
        image_width: pixels.
        top_k: classes listed for an image.
        threshold: novelty above which an image is unknown; None: never.
        min_probability: probability below which it is uncertain.
    """

    head: HeadInfo
    image_height: int
    image_width: int
    top_k: int
    threshold: float | None
    min_probability: float


def write_info(folder: Path, info: ExportedInfo) -> None:
    """Writes `info` into the folder."""
    files.write_json(folder / INFO, asdict(info))


def read_info(folder: Path) -> ExportedInfo:
    """Returns what the classifier in the folder is.

    Raises:
        StageError: there is none, or none in OpenVINO's format, or one of another version.
    """
    path = folder / INFO
    for needed in (path, folder / NETWORK):
        if not needed.exists():
            raise StageError(
                f"{needed.as_posix()}: there is no such file; name a folder that stage `export` "
                "has written with `export.openvino: true`, such as models/exported"
            )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return ExportedInfo(**(values | {"head": HeadInfo.from_dict(values["head"])}))
    except (KeyError, TypeError, ValueError):
        raise StageError(
            f"{path.as_posix()}: written by another version of this project; run `dvc repro`"
        ) from None
