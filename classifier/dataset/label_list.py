"""input/labels.csv: labels, splits and groups of single images, which win over their folders.

`python -m classifier label` adds lines that tell `when` and `by` whom: the latest line of an image
replaces the others. Lines without a time have one image each.
"""

import codecs
import csv
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from classifier.common.errors import StageError, did_you_mean
from classifier.dataset import folders
from classifier.dataset.folders import INPUT, LIST

VALUES = ("label", "split", "group")
COLUMNS = ("path", *VALUES, "when", "by")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")  # UTC
PLACE = LIST.as_posix()
SHOWN = 50  # errors


class ListedImage(NamedTuple):
    """A row of the list; what is empty is as the folder says."""

    line: int
    label: str
    split: str
    group: str
    when: str = ""
    lines: int = 1  # that gave this label, one after the other


LabelList = dict[Path, ListedImage]


def read(path: Path = LIST) -> LabelList:
    """Returns the rows by image; none if there is no list.

    Commas, semicolons or tabs separate the columns, UTF-8 may begin with a byte order mark, and
    lines may end as on Windows: Excel writes all of these.

    Raises:
        StageError: names all wrong rows at once, with their lines.
    """
    if not path.exists():
        if Path(os.environ.get("DVC_ROOT", "."), path).exists():  # in an experiment's copy
            raise StageError(
                f"{PLACE}: must be in git for experiments; run `git add {PLACE}` first"
            )
        return {}
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StageError(f"{PLACE}: cannot be read ({error.strerror})") from None
    header, rows = parse(content)
    listed, errors = LabelList(), list[str]()
    for line, cells in rows:
        if list(map(str.lower, cells)) == header:  # git joined two lists
            continue
        if len(cells) != len(header):
            errors.append(f"line {line}: must have {len(header)} cells; got {len(cells)}")
            continue
        values = dict.fromkeys(COLUMNS, "") | dict(zip(header, map(str.strip, cells), strict=True))
        image = INPUT / values["path"].replace("\\", "/")
        label, split, group, when = (values[name] for name in (*VALUES, "when"))
        row = ListedImage(line, label, split, group, when)
        found = [*_path_errors(values["path"], image), *_row_errors(row)]
        if image in listed and not row.when:
            found = [
                f"must be one line for each image; got {values['path']} in line "
                f"{listed[image].line} too"
            ]
        errors += [f"line {line}: {error}" for error in found]
        before = listed.get(image)
        if before is None or row.when >= before.when:
            again = before is not None and before.label == row.label
            listed[image] = row._replace(lines=before.lines + 1) if before and again else row
    raise_errors(errors)
    return listed


def raise_errors(errors: list[str]) -> None:
    """Raises a StageError about the list if there are errors."""
    if errors:
        more = len(errors) - SHOWN
        rest = [f"{PLACE}: {more:,} more errors"] if more > 0 else []
        raise StageError(*(f"{PLACE}, {error}" for error in errors[:SHOWN]), *rest)


def _text(data: bytes) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        rule = "must be UTF-8; got other bytes: in Excel, save as `CSV UTF-8`"
        raise StageError(f"{PLACE}, line {line}: {rule}") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise StageError(f"{PLACE}, line {line}: must be text; got a NUL byte")
    return text


def parse(data: bytes) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Returns the names of the columns, and the cells of the other lines with their numbers.

    Raises:
        StageError: it is no such list.
    """
    text = _text(data)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)

    def lines() -> Iterator[tuple[int, list[str]]]:
        try:
            for cells in reader:
                if any(map(str.strip, cells)):
                    yield reader.line_num, cells
        except csv.Error as error:
            raise StageError(f"{PLACE}, line {reader.line_num}: must be CSV; got {error}") from None

    rows = lines()
    _, cells = next(rows, (0, []))
    header = [cell.strip().lower() for cell in cells]
    errors = [
        f"line 1: must have columns among {', '.join(COLUMNS)}; got {name!r}"
        + did_you_mean(name, COLUMNS)
        for name in header
        if name not in COLUMNS
    ]
    if not errors and ("path" not in header or not set(VALUES) & set(header)):
        errors.append("line 1: must have the column path and one of label, split and group")
    if len(set(header)) < len(header):
        errors.append("line 1: must have each column once")
    raise_errors(errors)
    return header, rows


def _path_errors(text: str, image: Path) -> list[str]:
    inner = PurePosixPath(text.replace("\\", "/"))
    if not inner.parts or inner.is_absolute() or ".." in inner.parts or ":" in inner.parts[0]:
        place = INPUT.as_posix()
        return [f"path must be relative to {place} and inside it; got {text!r}"]
    if image.is_file():
        return []
    if inner.parts[0] == INPUT.name and Path(*inner.parts).is_file():
        return [f"path must be relative to {INPUT.as_posix()}; got {text!r}: leave out `input/`"]
    siblings = [path.name for path in image.parent.iterdir()] if image.parent.is_dir() else []
    return [f"path must be a file; got {text!r}" + did_you_mean(image.name, siblings)]


def _row_errors(row: ListedImage) -> Iterator[str]:
    splits = (*folders.SPLITS, folders.EXCLUDED)
    if row.split and row.split not in splits:
        near = folders.intended(row.split)
        hint = f"; did you mean {near}?" if near in splits else ""
        yield f"split must be one of {', '.join(splits)}; got {row.split!r}{hint}"
    if row.when and not TIME.fullmatch(row.when):
        yield f"when must be a time like 2026-01-31T12:00:00Z; got {row.when!r}"
    if not (row.label + row.group).isprintable():
        yield f"label and group must be printable; got {row.label!r} and {row.group!r}"
