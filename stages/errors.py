"""What a user can mend, said in one line each; everything else keeps its traceback."""

import io
import sys
from collections.abc import Callable


class StageError(Exception):
    """One or more faults that the user can mend.

    Args:
        faults: each `<place>: <rule>; got <value>` with its remedy, a line of the output.
    """

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def some(names: list[str]) -> str:
    """Returns the first three names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def warn(message: str) -> None:
    """Says what the user should know though the work goes on."""
    print(f"warning: {message}", file=sys.stderr)


def run(main: Callable[[], None]) -> None:
    """Runs `main`; a StageError becomes `error:` lines and exit code 1, Ctrl-C 130."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that it cannot show must not stop us
            stream.reconfigure(errors="backslashreplace")
    try:
        main()
    except StageError as error:
        for fault in error.faults:
            print(f"error: {fault}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt as stop:
        rest = str(stop) or "`dvc repro` goes on from the last finished stage"
        print(f"stopped; {rest}", file=sys.stderr)
        sys.exit(130)
