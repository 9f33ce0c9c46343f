"""The stages of the pipeline (verbs) and what they share (nouns)."""

import importlib.util
import sys

if importlib.util.find_spec("tensorflow") is None:  # the most common slip of a first run
    sys.exit(
        f"error: {sys.executable} lacks this project's packages: "
        "activate its environment first (README.md, Your own pictures)"
    )
