"""Errors that a user can mend, each one line; anything else keeps its traceback."""

import io
import sys
from collections.abc import Callable
from pathlib import Path


class StageError(Exception):
    """One or more faults that the user can mend.

    Args:
        faults: each `<place>: <rule>; got <value>` with its remedy, a line of the output.
    """

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def count(number: int, noun: str, plural: str = "") -> str:
    """Returns a number with its noun: `1 image`, `1,200 images`, `2 classes`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def first_names(names: list[str]) -> str:
    """Returns the first three names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def warn(message: str) -> None:
    """Prints a warning; the work goes on."""
    print(f"warning: {message}", file=sys.stderr)


def run_main(main: Callable[[], None]) -> None:
    """Runs `main`; a StageError becomes `error:` lines and exit code 1, Ctrl-C exit code 130.

    A missing package is reported with the remedy if `main` is what imports it, and so is a file
    of results/ or models/ that no stage has written yet.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name it cannot show must not stop the run
            stream.reconfigure(errors="backslashreplace")
    try:
        main()
    except StageError as error:
        for fault in error.faults:
            print(f"error: {fault}", file=sys.stderr)
        sys.exit(1)
    except FileNotFoundError as error:
        path = Path(str(error.filename))
        if path.parts[:1] not in (("results",), ("models",)):
            raise
        print(
            f"error: {path.as_posix()}: not there yet; run `dvc repro`, which runs all stages in "
            "order",
            file=sys.stderr,
        )
        sys.exit(1)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("classifier", "stages"):
            raise
        print(
            f"error: {sys.executable} has no package {error.name}: activate the project's "
            "environment first (README.md, Set up)",
            file=sys.stderr,
        )
        sys.exit(1)
    except KeyboardInterrupt as stop:
        rest = str(stop) or "run `dvc repro` to resume"
        print(f"interrupted; {rest}", file=sys.stderr)
        sys.exit(130)
