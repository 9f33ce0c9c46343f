"""`python -m classifier`: lists the commands and runs them."""

import sys
from importlib import import_module

from classifier.common.errors import run_main

COMMANDS = {
    "classify": "predict the classes of images, folders, lists of files",
    "serve": "open a web page to drop images on",
    "cache": "show, verify or prune the cached features",
    "demo": "run the whole pipeline on the images that come with it",
}


def usage() -> str:
    """Returns the commands with what they do."""
    width = max(map(len, COMMANDS))
    listed = (f"  {name:{width}}  {what}" for name, what in COMMANDS.items())
    return "\n".join(
        [
            "usage: python -m classifier COMMAND ...",
            "",
            "commands:",
            *listed,
            "",
            "example: python -m classifier classify image.jpg",
            "help:    python -m classifier COMMAND --help",
        ]
    )


def main() -> None:
    """Runs the command that is named first; without one, lists them."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in ("", "-h", "--help"):
        print(usage())
        return
    if name not in COMMANDS:
        print(f"{usage()}\n\nerror: no command {name!r}", file=sys.stderr)
        sys.exit(2)
    del sys.argv[1]
    import_module(f"classifier.commands.{name}").main()


if __name__ == "__main__":  # not in the processes that a pool starts
    run_main(main)
