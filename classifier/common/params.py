"""One section of params.yaml, read into the dataclass of its stage."""

import difflib
import math
from collections.abc import Collection
from dataclasses import fields
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
NOUNS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}

T = TypeVar("T")


def load(section: str, kind: type[T], path: Path = PATH, partial: bool = False) -> T:
    """Returns a section of params.yaml as an instance of the dataclass `kind`.

    Every value must exist and have the type of its field (`"12"` is not 12, `true` is not 1);
    the dataclass itself checks ranges.

    Args:
        section: name of the section.
        kind: dataclass with a field for each value.
        path: the file.
        partial: whether the section may have values that `kind` has no field for.

    Raises:
        StageError: names all missing, unknown, renamed and mistyped values at once.
    """
    values, old_names = _section(section, path)
    types = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    new_names = {RENAMED[name] for name in old_names}
    errors = [
        f"{path}: {section}.{name} is missing"
        for name in names
        if name not in values and f"{section}.{name}" not in new_names
    ]
    errors += [_rename_error(name, path) for name in old_names]
    errors += [
        f"{path}: {section} has no value {_suggest(str(name), names)}"
        for name in values
        if name not in names and not partial and f"{section}.{name}" not in old_names
    ]
    for name in names:
        if name in values and (rule := _type_rule(value := values[name], types[name])):
            hint = _hint(value) if types[name] in (int, float) else ""
            errors.append(f"{path}: {section}.{name} must be {rule}; got {value!r}{hint}")
    if errors:
        raise StageError(*errors)
    return kind(**{name: values[name] for name in names})


def _section(section: str, path: Path) -> tuple[dict[str, Any], list[str]]:
    """Returns the values of a section, and the old names of RENAMED that the file has."""
    document = _document(path)
    if unknown := [str(name) for name in document if name not in SECTIONS]:
        raise StageError(*(f"{path}: no section {_suggest(name, SECTIONS)}" for name in unknown))
    if missing := [name for name in SECTIONS if name not in document]:
        raise StageError(*(f"{path}: section {name} is missing" for name in missing))
    if not isinstance(values := document[section], dict):
        raise StageError(f"{path}: section {section} must hold values; got {values!r}")
    present = {f"{part}.{name}" for part in document for name in document[part] or ()}
    return values, [name for name in RENAMED if name in present]


def _rename_error(name: str, path: Path) -> str:
    old_section, _, old_value = name.partition(".")
    new_section, _, new_value = RENAMED[name].partition(".")
    new = new_value if new_section == old_section else RENAMED[name]
    return f"{path}: {old_section} has no value {old_value!r}; it is now {new!r}"


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
        raise StageError(_syntax_error(path, error)) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date
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
    """Returns what `value` must be, or None if it is of type `kind`."""
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return None if value in choices else "one of " + ", ".join(map(str, choices))
    if kind is float:
        valid = isinstance(value, float) and math.isfinite(value)
        valid = valid or (type(value) is int and abs(value) < 2**63)
    else:
        valid = type(value) is kind
    return None if valid else NOUNS[kind]


def _suggest(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name!r}" + (
        f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}"
    )


def _hint(value: object) -> str:
    """Returns how to write a number that YAML read as text: `1e-3` has no decimal point."""
    if not isinstance(value, str):
        return ""
    try:
        float(value)
    except ValueError:
        return ""
    mantissa, exponent, power = value.lower().partition("e")
    point = ".0" if exponent and "." not in mantissa else ""
    return f" (write {mantissa}{point}{exponent}{power})"
