"""One section of params.yaml, read into the dataclass of its stage."""

import difflib
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from classifier.common.errors import StageError

PATH = Path("params.yaml")
SECTIONS = ("validate", "fetch", "freeze", "extract", "inspect", "train", "predict", "export")
RENAMED = {  # old name: new name
    "validate.max_seconds": "validate.decode_timeout",
    "freeze.cut": "freeze.last_layer",
    "train.units": "train.hidden_units",
    "predict.average_views": "extract.tta_views",
}
MAX_NUMBER = 1e300  # no value may be infinite
NOUNS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}

T = TypeVar("T")


def load(section: str, kind: type[T], path: Path = PATH, partial: bool = False) -> T:
    """Returns a section of params.yaml as an instance of the dataclass `kind`.

    Every value must exist and have the type of its field (`"12"` is not 12, `true` is not 1), and
    unless `partial`, no other may exist. The dataclass itself checks ranges.

    Raises:
        StageError: names all missing, unknown, renamed and mistyped values at once.
    """
    document = _checked_sections(path)
    values, types = document[section], get_type_hints(kind)
    present = {f"{part}.{name}" for part in document for name in document[part]}
    old_names = [old for old in RENAMED if old in present]
    new_names = {RENAMED[old] for old in old_names}
    errors = [
        f"{path}: {section}.{name} is missing"
        for name in types
        if name not in values and f"{section}.{name}" not in new_names
    ]
    errors += [_rename_error(old, path) for old in old_names]
    errors += [
        f"{path}: {section} has no value {_suggest(str(name), types)}"
        for name in values
        if name not in types and not partial and f"{section}.{name}" not in old_names
    ]
    for name, type_ in types.items():
        if name in values and (rule := _type_rule(values[name], type_)):
            hint = _hint(values[name]) if type_ in (int, float) else ""
            errors.append(f"{path}: {section}.{name} must be {rule}; got {values[name]!r}{hint}")
    if errors:
        raise StageError(*errors)
    return kind(**{name: values[name] for name in types})


def _checked_sections(path: Path) -> dict[str, Any]:
    document = _document(path)
    errors = [f"no section {_suggest(str(s), SECTIONS)}" for s in document if s not in SECTIONS]
    errors = errors or [f"section {s} is missing" for s in SECTIONS if s not in document]
    errors = errors or [
        f"section {section} must hold values; got {values!r}"
        for section, values in document.items()
        if not isinstance(values, dict)
    ]
    if errors:
        raise StageError(*(f"{path}: {error}" for error in errors))
    return document


def _rename_error(old: str, path: Path) -> str:
    section, _, name = old.partition(".")
    new = RENAMED[old].removeprefix(f"{section}.")
    return f"{path}: {section} has no value {name!r}; it is now {new!r}"


def require(condition: bool, name: str, rule: str, value: object) -> None:
    """Raises a StageError `params.yaml: <name> must be <rule>; got <value>` unless `condition`."""
    if not condition:
        raise StageError(f"{PATH}: {name} must be {rule}; got {value!r}")


def load_all(exclude: Collection[str] = (), path: Path = PATH) -> dict[str, dict[str, Any]]:
    """Returns the values of all sections, except those named in `exclude` as `section.value`."""
    return {
        section: {name: v for name, v in values.items() if f"{section}.{name}" not in exclude}
        for section, values in _document(path).items()
    }


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StageError(f"{path}: no such file; run from the folder of dvc.yaml") from None
    except OSError as error:
        raise StageError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        tab = "indented with spaces; got a tab: replace it with spaces"
        rule = tab if "'\\t'" in str(error.problem) else f"YAML; got {error.problem}"
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise StageError(f"{path}, line {line}: must be {rule}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date
        raise StageError(f"{path}: must be YAML; got {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise StageError(f"{path}: must hold sections of values; got {document!r}")
    return document


def _type_rule(value: Any, kind: Any) -> str | None:
    """Returns what `value` must be, or None if it is of type `kind`."""
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return None if value in choices else "one of " + ", ".join(map(str, choices))
    valid = type(value) is kind
    if kind is float:
        valid = type(value) in (int, float) and abs(value) < MAX_NUMBER  # not NaN
    return None if valid else NOUNS[kind]


def _suggest(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
    return f"{name!r}; {hint}"


def _hint(value: object) -> str:
    """Returns how to write a number that YAML read as text: `1e-3` has no decimal point."""
    pattern = r"([-+]?\d+)(\.\d*)?(e[-+]?\d+)?"
    if not isinstance(value, str) or not (match := re.fullmatch(pattern, value.lower())):
        return ""
    digits, point, exponent = match.groups("")
    exponent = re.sub(r"e(?=\d)", "e+", exponent)
    return f" (write {digits}{point or '.0' * bool(exponent)}{exponent})"
