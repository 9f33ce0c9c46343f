"""One section of params.yaml, read into the dataclass of the stage it belongs to."""

import difflib
import math
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from classifier.common.errors import StageError

PATH = Path("params.yaml")
RENAMED = {  # what older versions of params.yaml say
    "validate.max_seconds": "validate.decode_timeout",
    "freeze.cut": "freeze.last_layer",
    "train.units": "train.hidden_units",
    "predict.average_views": "extract.tta_views",
}
SECTIONS = ("validate", "fetch", "freeze", "extract", "inspect", "train", "predict", "export")
NOUNS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}

T = TypeVar("T")


def load(section: str, kind: type[T], path: Path = PATH, partial: bool = False) -> T:
    """Returns a section of params.yaml as an instance of the dataclass `kind`.

    Every value must be there and of its field's type (`"12"` is not 12, `true` is not 1); the
    dataclass itself checks ranges. `partial`: `kind` holds some of the section's values only.

    Raises:
        StageError: naming all missing, unknown and mistyped values at once.
    """
    document = _document(path)
    if unknown := [str(name) for name in document if name not in SECTIONS]:
        raise StageError(*(f"{path}: no section {_suggest(name, SECTIONS)}" for name in unknown))
    if missing := [name for name in SECTIONS if name not in document]:
        raise StageError(*(f"{path}: section {name} is missing" for name in missing))
    values = document[section]
    if not isinstance(values, dict):
        raise StageError(f"{path}: section {section} must hold values; got {values!r}")
    types = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    old = {f"{part}.{name}" for part in document for name in document[part] or ()} & set(RENAMED)
    told = {RENAMED[name] for name in old}
    faults = [
        f"{path}: {section}.{name} is missing"
        for name in names
        if name not in values and f"{section}.{name}" not in told
    ]
    faults += [_renamed(name, path) for name in sorted(old)]
    faults += [
        f"{path}: {section} has no value {_suggest(str(name), names)}"
        for name in values
        if name not in names and not partial and f"{section}.{name}" not in old
    ]
    for name in names:
        if name in values and (rule := _type_rule(value := values[name], types[name])):
            hint = _hint(value) if types[name] in (int, float) else ""
            faults.append(f"{path}: {section}.{name} must be {rule}; got {value!r}{hint}")
    if faults:
        raise StageError(*faults)
    return kind(**{name: values[name] for name in names})


def _renamed(name: str, path: Path) -> str:
    section, _, value = name.partition(".")
    new_section, _, new_value = RENAMED[name].partition(".")
    now = repr(new_value) if new_section == section else RENAMED[name]
    return f"{path}: {section} has no value {value!r}; it is now {now}"


def require(holds: bool, name: str, rule: str, value: object) -> None:
    """Raises a StageError `params.yaml: <name> must be <rule>; got <value>` unless `holds`."""
    if not holds:
        raise StageError(f"{PATH}: {name} must be {rule}; got {value!r}")


def load_all(but: tuple[str, ...], path: Path = PATH) -> dict[str, dict[str, Any]]:
    """Returns all values by section, without some, named `section.value`."""
    return {
        section: {name: v for name, v in values.items() if f"{section}.{name}" not in but}
        for section, values in _document(path).items()
    }


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StageError(f"{path}: no such file; run from the folder that holds dvc.yaml") from None
    except OSError as error:
        raise StageError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        raise StageError(_syntax_error(path, error)) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        raise StageError(f"{path}: must be YAML; got {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise StageError(f"{path}: must hold sections of values; got {document!r}")
    return document


def _syntax_error(path: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"{path}, line {mark.line + 1}" if mark else str(path)
    if "'\\t'" in (error.problem or ""):
        return f"{place}: must be indented with spaces; got a tab: replace it with spaces"
    return f"{place}: must be YAML; got {error.problem or error.context}"


def _type_rule(value: object, kind: Any) -> str | None:
    """Returns what `value` should have been, or None where it is of type `kind`."""
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return None if value in choices else "one of " + ", ".join(map(str, choices))
    if kind is float:
        right = isinstance(value, float) and math.isfinite(value)
        right = right or (type(value) is int and abs(value) < 2**63)
    else:
        right = type(value) is kind
    return None if right else NOUNS[kind]


def _suggest(name: str, known: tuple[str, ...] | list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name!r}" + (
        f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}"
    )


def _hint(value: object) -> str:
    """Returns the remedy for a number that came as text: YAML reads `1e-3`, without a point, so."""
    if not isinstance(value, str):
        return ""
    try:
        float(value)
    except ValueError:
        return ""
    mantissa, exponent, power = value.lower().partition("e")
    point = ".0" if exponent and "." not in mantissa else ""
    return f" (write {mantissa}{point}{exponent}{power})"
