"""Fingerprint the code of every other stage, so that a stage reruns if a module it needs changes.

One small file per stage stands in dvc.yaml for all of its modules: after each stage that runs, DVC
writes all deps of all stages again, and those on code were 41 % of them.

Reads   stages, classifier
Writes  results/code
"""

import ast
import hashlib
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

from classifier.common import files
from classifier.common.errors import count, run_main

OUT = Path("results/code")
STAGES, LIBRARY = Path("stages"), Path("classifier")
DATA = (".css", ".html", ".js", ".txt")


def imports(source: bytes) -> set[str]:
    """Returns the names that a module imports, at its top or in a function.

    Args:
        source: of the module, without relative imports.
    """
    names = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def import_graph(modules: Iterable[Path]) -> dict[Path, set[Path]]:
    """Returns the modules that each module imports itself; paths relative to the project."""
    known = {".".join(path.with_suffix("").parts): path for path in modules}
    return {
        path: {known[name] for name in imports(path.read_bytes()) & known.keys()}
        for path in known.values()
    }


def reached(start: Iterable[Path], graph: Mapping[Path, set[Path]]) -> set[Path]:
    """Returns the modules that some modules reach by imports, with themselves."""
    seen, to_visit = set[Path](), set(start)
    while to_visit:
        seen |= to_visit
        to_visit = {path for module in to_visit for path in graph[module]} - seen
    return seen


def find_modules() -> list[Path]:
    """Returns the modules of the project; each `__init__.py` is but a docstring."""
    found = (path for folder in (STAGES, LIBRARY) for path in folder.rglob("*.py"))
    return sorted(path for path in found if path.name != "__init__.py")


def stage_modules(modules: Iterable[Path]) -> dict[str, list[Path]]:
    """Returns the modules of each stage: of its folder, or its only one."""
    stages = dict[str, list[Path]]()
    for path in modules:
        if path.is_relative_to(STAGES):
            stages.setdefault(path.parts[1].removesuffix(".py"), []).append(path)
    return stages


def data_files(stage: str, modules: Iterable[Path]) -> set[Path]:
    """Returns the pages and the like of the stage's folder, and those beside library modules."""
    folders = {path.parent for path in modules if path.is_relative_to(LIBRARY)}
    found = chain((STAGES / stage).rglob("*"), *(folder.iterdir() for folder in folders))
    return {path for path in found if path.suffix in DATA}


def fingerprints(paths: Iterable[Path]) -> str:
    """Returns a line with the SHA-256 of each file, in the format of sha256sum."""
    hashes = ((hashlib.sha256(path.read_bytes()).hexdigest(), path.as_posix()) for path in paths)
    return "".join(f"{sha256}  {path}\n" for sha256, path in hashes)


def main(out: Path = OUT) -> None:
    """Writes the fingerprints of all stages but this one, which reruns whenever code changes."""
    modules = find_modules()
    graph, stages = import_graph(modules), stage_modules(modules)
    own = Path(__file__).stem
    with files.atomic_folder(out, "params.txt") as part:
        for name in stages.keys() - {own}:
            paths = reached(stages[name], graph)
            text = fingerprints(sorted(paths | data_files(name, paths)))
            (part / f"{name}.txt").write_text(text, encoding="utf-8", newline="\n")
    print(f"code: {count(len(modules), 'module')} of {len(stages) - 1} stages -> {out.as_posix()}")


if __name__ == "__main__":
    run_main(main)
