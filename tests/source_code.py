"""Which module imports which, read from the source code, and what dvc.yaml lists."""

import ast
import contextlib
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from classifier.dataset import source
from stages import code
from tests.project import ROOT

_TEXT = (ROOT / "dvc.yaml").read_text(encoding="utf-8").replace(source.TEMPLATE, source.FOLDER)
STAGES: dict[str, Any] = yaml.safe_load(_TEXT)["stages"]
MODULES = sorted(
    path.relative_to(ROOT)
    for code in ("classifier", "stages")
    for path in (ROOT / code).rglob("*.py")
    if path.name != "__init__.py"
)


def parse(path: Path) -> ast.Module:
    """Returns the syntax tree of a file of the project."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def main_module(stage: str) -> Path:
    """Returns the module that holds a stage's `main`."""
    path = Path("stages", f"{stage}.py")
    return path if (ROOT / path).exists() else Path("stages", stage, "stage.py")


def run_here(stage: str) -> None:
    """Runs a stage in this process, in the working directory."""
    import_module(".".join(main_module(stage).with_suffix("").parts)).main()


@cache
def graph() -> dict[Path, set[Path]]:
    """Returns the modules that each module imports, wherever it does."""
    with contextlib.chdir(ROOT):
        return code.import_graph(MODULES)


def imports(path: Path) -> set[Path]:
    """Returns the project's modules that a module imports."""
    return graph()[path]


def reached(path: Path) -> set[Path]:
    """Returns the modules that a module reaches by imports, itself included."""
    return code.reached([path], graph())


def names(items: list[Any]) -> list[str]:
    """Returns the paths of a list in dvc.yaml; an item with options is a dict of one key."""
    return [item if isinstance(item, str) else next(iter(item)) for item in items]


def outs(stage: str) -> list[str]:
    """Returns the paths of a stage's outs and metrics."""
    return names(STAGES[stage].get("outs", []) + STAGES[stage].get("metrics", []))


def current_names(path: Path) -> str:
    """Returns the text of a file without the tables `| old | new |` and the changelog."""
    text = path.read_text(encoding="utf-8") if path.name != "CHANGELOG.md" else ""
    return re.sub(r"^\|[^|\n]*\bold \|.*\n(\|.*\n?)*", "", text, flags=re.M)
