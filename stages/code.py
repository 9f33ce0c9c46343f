"""Fingerprint the code of every other stage, so that a stage reruns if a module it needs changes.

One small file per stage stands in dvc.yaml for all of its modules: after each stage that runs, DVC
writes all deps of all stages again, and those on code were 41 % of them. A stage that DVC runs
compares its modules with its file first (`errors.run_main`).

Reads   stages, classifier
Writes  results/code
"""

import ast
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from classifier.common import code_files, files
from classifier.common.errors import count, run_main

STAGES, LIBRARY = Path("stages"), Path("classifier")
DATA = (".css", ".html", ".js")  # beside the modules of the library that read them
COMPILED = (".pyc", ".pyo")


def imports(source: bytes) -> set[str]:
    """Returns the names that a module imports, at its top or in a function.

    Args:
        source: of the module, without relative imports. What is no Python imports nothing: the
            stage that needs it will say so.
    """
    names = set[str]()
    with suppress(SyntaxError, ValueError):  # a zero byte is a ValueError
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
                names.add(str(node.module))
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
    """Returns the modules of the project; each `__init__.py` is only a docstring."""
    found = (path for folder in (STAGES, LIBRARY) for path in folder.rglob("*.py"))
    return sorted(path for path in found if path.name != "__init__.py" and not _is_hidden(path))


def stage_modules(modules: Iterable[Path]) -> dict[str, list[Path]]:
    """Returns the modules of each stage: of its folder, or its only one."""
    stages = dict[str, list[Path]]()
    for path in modules:
        if path.is_relative_to(STAGES):
            stages.setdefault(path.parts[1].removesuffix(".py"), []).append(path)
    return stages


def data_files(stage: str, modules: Iterable[Path]) -> set[Path]:
    """Returns the other files in the stage's folder, and the pages beside library modules."""
    own = (path for path in (STAGES / stage).rglob("*") if path.is_file())
    folders = {path.parent for path in modules if path.is_relative_to(LIBRARY)}
    pages = chain.from_iterable(folder.glob(f"*{suffix}") for folder in folders for suffix in DATA)
    other = {path for path in own if path.suffix not in (".py", *COMPILED)}
    return {path for path in other.union(pages) if not _is_hidden(path)}


def _is_hidden(path: Path) -> bool:
    """Tells whether an editor or the system made a file, or the folder that it is in."""
    return path.name.endswith("~") or any(part.startswith(".") for part in path.parts)


def main(out: Path = code_files.FOLDER) -> None:
    """Writes the fingerprints of all stages but this one, which reruns whenever code changes."""
    modules = find_modules()
    graph, stages = import_graph(modules), stage_modules(modules)
    own = Path(__file__).stem
    with files.atomic_folder(out, "params.txt") as part:
        for name in stages.keys() - {own}:
            paths = reached(stages[name], graph)
            text = code_files.list_hashes(sorted(paths | data_files(name, paths)))
            (part / f"{name}.txt").write_text(text, encoding="utf-8", newline="\n")
    print(f"code: {count(len(modules), 'module')} of {len(stages) - 1} stages -> {out.as_posix()}")


if __name__ == "__main__":
    run_main(main)
