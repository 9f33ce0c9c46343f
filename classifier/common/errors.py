"""Errors that the user can fix, one line each; anything else keeps its traceback."""

import difflib
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from classifier.common import code_files


class StageError(Exception):
    """One or more errors that the user can fix: `<place>: <rule>; got <value>` and the remedy."""

    def __init__(self, *messages: str) -> None:
        super().__init__("\n".join(messages))
        self.messages = messages


@contextmanager
def collected(errors: list[str]) -> Iterator[None]:
    """Adds the messages of a StageError in the block to `errors`, to be raised with others."""
    try:
        yield
    except StageError as error:
        errors += error.messages


def count(number: int, noun: str, plural: str = "") -> str:
    """Returns a number with its noun: `1 image`, `1,200 images`, `2 classes`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Returns the known name that is most like `name`, whatever its case; empty if none is."""
    lower = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(name.casefold(), lower, 1, cutoff)
    return lower[close[0]] if close else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns `; did you mean <nearest>?`, or nothing."""
    return f"; did you mean {near}?" if (near := nearest(name, known)) else ""


def first_names(names: Sequence[str]) -> str:
    """Returns the first three names and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def warn(message: str) -> None:
    """Prints a warning to stderr."""
    print(f"warning: {message}", file=sys.stderr)


def run_main(main: Callable[[], None]) -> None:
    """Runs `main`; a StageError becomes `error:` lines and exit code 1, Ctrl-C exit code 130.

    A package that `main` imports but that is not installed is reported with its remedy, and so is
    a file of results/ or models/ that no stage has written yet.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # an unprintable file name must not stop the run
            stream.reconfigure(errors="backslashreplace")
    try:
        _require_recorded_code(os.environ.get("DVC_STAGE", "").rpartition(":")[2])
        main()
    except StageError as error:
        sys.exit("\n".join(f"error: {message}" for message in error.messages))
    except FileNotFoundError as error:
        path = Path(str(error.filename))
        if path.parts[:1] not in (("results",), ("models",)):
            raise
        remedy = "run `dvc repro`, which runs all stages in order"
        sys.exit(f"error: {path.as_posix()}: not there yet; {remedy}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("classifier", "stages"):
            raise
        remedy = "activate the project's environment first (README.md, Your own images)"
        sys.exit(f"error: {sys.executable} has no package {error.name}: {remedy}")
    except KeyboardInterrupt as interrupt:
        print(f"interrupted; {str(interrupt) or 'run `dvc repro` to resume'}", file=sys.stderr)
        sys.exit(130)


def _require_recorded_code(stage: str) -> None:
    """Raises StageError if the code that DVC has recorded for a stage is not what would run."""
    if changed := code_files.changed(stage):
        raise StageError(
            f"{first_names(changed)}: must be as at the start of `dvc repro`; got an edited file: "
            "run `dvc repro` again, without -s"
        )


def run_stage(module: str) -> None:
    """Imports a stage and runs its `main`; worker processes do not repeat a package's __main__."""
    run_main(lambda: import_module(module).main())
