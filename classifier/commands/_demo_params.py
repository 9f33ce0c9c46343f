"""params.yaml of the demo, and the record of what was copied there.

demo/.dvc/copied.json has the SHA-256 of each file as it was copied.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import yaml

from classifier.common import files
from classifier.common.errors import StageError
from classifier.dataset import source

FOLDER = Path("demo")
PARAMS = Path("params.yaml")
RECORD = FOLDER / ".dvc" / "copied.json"
SOURCE = re.compile(r"^(dataset:\n +source:) .*?( *#.*)?$", re.M)


def copied() -> dict[str, str]:
    """Returns the hashes of the copied files, by their places in the demo."""
    text = RECORD.read_text(encoding="utf-8") if RECORD.exists() else "{}"
    return dict(json.loads(text))


def remember(hashes: Mapping[str, str]) -> None:
    """Replaces the record; that of params.yaml stays."""
    files.write_json(RECORD, {PARAMS.name: copied().get(PARAMS.name, ""), **hashes})


def hash_of(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal; empty if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def write(path: Path, text: str) -> None:
    """Writes a text; a link is replaced, not what it leads to."""
    with files.atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")


def copy_params(target: Path) -> bool:
    """Copies params.yaml unless the user has edited the copy; returns whether it was copied."""
    text = _params()
    if target.exists() and not is_copy(target):
        print(f"demo: keeping your {target.as_posix()}", flush=True)
        return False
    _write_params(target, text)
    return True


def is_copy(path: Path) -> bool:
    """Tells whether a copy of params.yaml, of this version or an older one, was not edited."""
    if hash_of(path) == copied().get(PARAMS.name):
        return True
    with suppress(StageError):
        text = _params()
        return path.read_text(encoding="utf-8") in (text, random_weights(text))
    return False


def _write_params(target: Path, text: str) -> None:
    write(target, text)
    if RECORD.exists():
        files.write_json(RECORD, copied() | {PARAMS.name: hash_of(target)})


def _params() -> str:
    """Returns the text of params.yaml for the images of the demo.

    Raises:
        StageError: it names other images, and how it does is not understood.
    """
    text = SOURCE.sub(rf"\1 {source.FOLDER}\2", PARAMS.read_text(encoding="utf-8"), count=1)
    with suppress(yaml.YAMLError, KeyError, TypeError):  # stage `params` tells what is wrong
        if (value := yaml.safe_load(text)["dataset"]["source"]) != source.FOLDER:
            rule = f"dataset.source must be {source.FOLDER} for the demo; got {value!r}"
            raise StageError(f"{PARAMS}: {rule}")
    return text


def use_random_weights(params_yaml: Path) -> bool:
    """Sets random weights in params.yaml, and returns whether it said `imagenet` before."""
    before = params_yaml.read_text(encoding="utf-8")
    after = random_weights(before)
    _write_params(params_yaml, after)
    return after != before


def random_weights(params_yaml: str) -> str:
    """Returns the text of params.yaml with `weights: imagenet` replaced by random weights."""
    return re.sub(r"\bweights: imagenet\b", "weights: random", params_yaml, count=1)
