"""Python imports this at its start: the processes of a stage record what they open and import."""

import os
import sys
from pathlib import Path

if "DVC_STAGE" in os.environ and "RECORD_FOLDER" in os.environ:
    record = Path(os.environ["RECORD_FOLDER"], os.environ["DVC_STAGE"])
    descriptor = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def hook(event: str, args: tuple[object, ...]) -> None:
        """Appends a line per event: `open`, its mode and path, or `import` and the module."""
        if event == "open" and isinstance(args[0], str | bytes) and args[1]:
            os.write(descriptor, f"open {args[1]} {os.fsdecode(args[0])!r}\n".encode())
        elif event == "import":
            os.write(descriptor, f"import {args[0]}\n".encode())

    sys.addaudithook(hook)
