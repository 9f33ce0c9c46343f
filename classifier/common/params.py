"""One section of params.yaml, read into the dataclass of its stage."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from classifier.common.errors import StageError, collected, did_you_mean

PATH = Path("params.yaml")
SECTIONS = (
    "dataset", "validate", "fetch", "freeze", "extract", "inspect", "train", "predict", "report",
    "export",
)  # fmt: skip
RENAMED = {  # old name: new name
    "validate.max_seconds": "validate.decode_timeout",
    "freeze.cut": "freeze.layers",
    "freeze.last_layer": "freeze.layers",
    "train.units": "train.hidden_units",
    "predict.average_views": "extract.tta_views",
}
LISTS = {"freeze.layers"}  # that replace a single value
NO_EFFECT = {  # that change no result, or only the format of a table
    "validate.table_format", "validate.run_on",
    "extract.batch_size", "extract.threads", "extract.run_on",
}  # fmt: skip
MAX_NUMBER = 1e300  # no value may be infinite
NOUNS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
SCALARS = {  # which YAML 1.1 and YAML 1.2 read alike, and the characters they begin with
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": ("|~|null|Null|NULL", ["", "~", "n", "N"]),
    "int": ("[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    "float": (
        r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """The numbers that a value may be, for `Annotated[int, Range(1)]`; NaN is none of them."""

    least: float
    most: float = math.inf
    above: bool = False  # without `least` itself
    below: bool = False  # without `most` itself

    def __contains__(self, value: float) -> bool:
        from_least = self.least < value if self.above else self.least <= value
        return from_least and (value < self.most if self.below else value <= self.most)

    def __str__(self) -> str:
        if self.most < math.inf and not (self.above or self.below):
            return f"{self.least} to {self.most}"
        start = f"more than {self.least}" if self.above else f"{self.least} or more"
        if self.most == math.inf:
            return start
        return f"{start} and {'less than' if self.below else 'at most'} {self.most}"


PositiveInt = Annotated[int, Range(1)]
NonNegativeInt = Annotated[int, Range(0)]
PositiveFloat = Annotated[float, Range(0, above=True)]
Seed = Annotated[int, Range(0, 2**32 - 1)]


def load(section: str, kind: type[T], path: Path = PATH, partial: bool = False) -> T:
    """Returns a section of params.yaml as an instance of the dataclass `kind`.

    Every value must exist, have the type of its field (`"12"` is not 12, `true` is not 1) and be
    in its Range, and unless `partial`, no other may exist. The dataclass itself checks rules about
    several values.

    Raises:
        StageError: names all missing, unknown, renamed and wrong values at once.
    """
    document = _document(path)
    errors = [f"{path}: {error}" for error in _document_errors(document)]
    loaded = None
    if isinstance(document.get(section), dict):
        types = get_type_hints(kind, include_extras=True)
        wrong = _section_errors(section, document, types, partial)
        errors += [f"{path}: {error}" for error in wrong]
        if not wrong and types.keys() <= document[section].keys():
            with collected(errors):
                loaded = kind(**{name: document[section][name] for name in types})
    if errors or loaded is None:
        raise StageError(*errors)
    return loaded


def _document_errors(document: dict[str, Any]) -> list[str]:
    errors = [f"no section {suggest(str(s), SECTIONS)}" for s in document if s not in SECTIONS]
    errors = errors or [f"section {s} is missing" for s in SECTIONS if s not in document]
    errors += [
        f"section {section} must hold values; got {values!r}"
        for section, values in document.items()
        if section in SECTIONS and not isinstance(values, dict)
    ]
    return errors + [_rename_error(old, document) for old in _old_names(document)]


def _old_names(document: dict[str, Any]) -> list[str]:
    sections = ((name, values) for name, values in document.items() if isinstance(values, dict))
    present = {f"{section}.{name}" for section, values in sections for name in values}
    return [old for old in RENAMED if old in present]


def _rename_error(old: str, document: dict[str, Any]) -> str:
    section, _, name = old.partition(".")
    new = RENAMED[old].removeprefix(f"{section}.")
    example = f" (write {new}: [{document[section][name]}])" if RENAMED[old] in LISTS else ""
    return f"{section} has no value {name!r}; it is now {new!r}{example}"


def _section_errors(
    section: str, document: dict[str, Any], types: dict[str, Any], partial: bool
) -> list[str]:
    values, old_names = document[section], _old_names(document)
    new_names = {RENAMED[old] for old in old_names}
    errors = [
        f"{section}.{name} is missing"
        for name in types
        if name not in values and f"{section}.{name}" not in new_names
    ]
    errors += [
        f"{section} has no value {suggest(str(name), types)}"
        for name in values
        if name not in types and not partial and f"{section}.{name}" not in old_names
    ]
    return errors + [
        f"{section}.{name} must be {rule}; got {values[name]!r}{_hint(values[name], type_)}"
        for name, type_ in types.items()
        if name in values and (rule := _broken_rule(values[name], type_))
    ]


def require(condition: bool, name: str, rule: str, value: object) -> None:
    """Raises a StageError `params.yaml: <name> must be <rule>; got <value>` unless `condition`."""
    if not condition:
        raise StageError(f"{PATH}: {name} must be {rule}; got {value!r}")


def load_all(path: Path = PATH) -> dict[str, dict[str, Any]]:
    """Returns the values of all sections, except those in NO_EFFECT."""
    return _with_effect(_document(path))


def parse(text: str) -> dict[str, dict[str, Any]]:
    """Returns the values of all sections of a params.yaml of any version, except NO_EFFECT.

    Raises:
        yaml.YAMLError, AttributeError: it holds no sections.
    """
    return _with_effect(yaml.load(text, _Loader))  # a SafeLoader


def _with_effect(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        section: {name: v for name, v in values.items() if f"{section}.{name}" not in NO_EFFECT}
        for section, values in document.items()
        if isinstance(values, dict)
    }


class _Loader(yaml.SafeLoader):
    """Reads a plain scalar as text where YAML 1.1 and YAML 1.2 differ: `1_000`, `010`, `yes`.

    PyYAML alone follows 1.1, DVC 1.2: `dvc exp run -S` writes 0.00001 as `1e-05`, which 1.1 reads
    as text.
    """


_Loader.yaml_implicit_resolvers = {}
for _tag, (_pattern, _first) in SCALARS.items():
    _compiled = re.compile(f"^(?:{_pattern})$")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _compiled, list(_first))


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # a SafeLoader
    except FileNotFoundError:
        raise StageError(f"{path}: no such file; run from the folder of dvc.yaml") from None
    except OSError as error:
        raise StageError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        tab = "indented with spaces; got a tab: replace it with spaces"
        rule = tab if "'\\t'" in str(error.problem) else f"YAML; got {error.problem}"
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise StageError(f"{path}, line {line}: must be {rule}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8
        raise StageError(f"{path}: must be YAML; got {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise StageError(f"{path}: must hold sections of values; got {document!r}")
    return document


def _broken_rule(value: Any, kind: Any) -> str | None:
    """Returns what `value` must be, or None if it is of type `kind` and in its Range."""
    if get_origin(kind) is Annotated:
        base, *ranges = get_args(kind)
        broken = _broken_rule(value, base)
        return broken or next((str(one) for one in ranges if value not in one), None)
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        valid = type(value) is str and value in choices
        return None if valid else "one of " + ", ".join(map(str, choices))
    if get_origin(kind) in (Union, UnionType):
        rules = [_broken_rule(value, one) for one in get_args(kind)]
        return None if None in rules else ", or ".join(map(str, rules))
    if get_origin(kind) is list:
        (choices,) = get_args(kind)
        valid = isinstance(value, list) and bool(value)
        valid = valid and all(_broken_rule(one, choices) is None for one in value)
        return None if valid else "a list of one or more of " + ", ".join(get_args(choices))
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        valid = isinstance(value, list) and len(value) == len(kinds)
        valid = valid and not any(map(_broken_rule, value, kinds))
        return None if valid else f"a list of {len(kinds)} numbers"
    if get_origin(kind) is dict:
        number = get_args(kind)[1]
        valid = isinstance(value, dict) and bool(value)
        rules = [_broken_rule(one, number) for one in value.values()] if valid else [""]
        return None if set(rules) == {None} else "a mapping of names to numbers more than 0"
    valid = type(value) is kind
    if kind is float:
        valid = type(value) in (int, float) and abs(value) < MAX_NUMBER  # not NaN
    return None if valid else NOUNS[kind]


def suggest(name: str, known: Collection[str]) -> str:
    """Returns a name with the nearest known one: `'trian'; did you mean train?`."""
    return repr(name) + (did_you_mean(name, known) or f"; known: {', '.join(known)}")


def _hint(value: object, kind: Any) -> str:
    """Returns how to write a list of one, or a number that a version of YAML reads as text."""
    if get_origin(kind) is list and not _broken_rule([value], kind):
        return f" (write [{value}])"
    if not isinstance(value, str) or {int, float}.isdisjoint((kind, *get_args(kind))):
        return ""
    try:
        return f" (write {float(value):.12g})"
    except ValueError:
        return ""
