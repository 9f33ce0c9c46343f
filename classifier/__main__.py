"""`python -m classifier`: lists the commands and runs them."""

import difflib
import sys
from importlib import import_module

from classifier.common.errors import run_main

COMMANDS = {
    "classify": "predict the classes of new images",
    "serve": "serve a web page that classifies images",
    "label": "label images on a page, as few as possible",
    "compare": "compare this run with that of a git commit",
    "drift": "tell whether new images are like those trained on",
    "manifest": "list images in object storage as the dataset",
    "cache": "show, verify or prune the cached features",
    "demo": "run the whole pipeline on 84 example images",
}
LIST = "\n".join(f"  {name:10}{summary}" for name, summary in COMMANDS.items())
USAGE = f"""usage: python -m classifier COMMAND ...

commands:
{LIST}

example: python -m classifier classify photo.jpg
help:    python -m classifier COMMAND --help"""


def main() -> None:
    """Runs the command named first on the command line; without one, lists the commands."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print(USAGE)
        return
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; known: {', '.join(COMMANDS)}"
        print(f"error: no command {name!r}{hint}", file=sys.stderr)
        sys.exit(2)
    del sys.argv[1]
    try:
        import_module(f"classifier.commands.{name}").main()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"run `python -m classifier {name}` again") from None


if __name__ == "__main__":  # not in the processes that a pool starts
    run_main(main)
