"""The rule of the layout (docs/architecture.md), the mirrored tests and the words."""

import ast
import re
from pathlib import Path

import pytest

from tests.project import ROOT
from tests.source_code import (
    MODULES,
    current_names,
    imports,
    parse,
    reached,
)

# modules of the library without a test file of their own, and the test that covers them
TESTED_BY = {
    "cache/database": "cache/test_features",
    "cache/feature_file": "cache/test_features",
    "cache/recovery": "cache/test_features",
    "commands/_cache_files": "commands/test_cache",
    "commands/_demo_folder": "commands/test_demo",
    "commands/_demo_params": "commands/test_demo",
    "commands/_new_images": "commands/test_classify",
    "commands/_page_server": "commands/test_serve",
    "common/shard": "commands/test_classify",
    "dataset/input_files": "stages/validate/test_dataset_files",
    "images/limits": "stages/test_validate",
    "labelling/app": "commands/test_label",
    "labelling/images": "commands/test_label",
    "labelling/labelled_images": "labelling/test_session",
    "labelling/learning": "labelling/test_session",
    "labelling/page": "commands/test_label",
    "labelling/page_requests": "labelling/test_session",
    "labelling/people": "labelling/test_session",
    "labelling/questions": "labelling/test_session",
    "inference/keras_backend": "inference/test_engine",
    "inference/openvino_engine": "inference/test_engine",
    "inference/tensorflow_engine": "inference/test_engine",
    "serving/app": "commands/test_serve",
    "serving/cached_classifier": "commands/test_classify",
    "serving/classifier": "commands/test_classify",
    "serving/service": "commands/test_serve",
    "serving/views": "commands/test_serve",
    "serving/writers": "commands/test_classify",
}
PARAMS = Path("stages", "params.py")
WORDS = ("pictures?", "hangs? on", "named rightly", "anew", "taken for", "as it comes")
TEXT = (".py", ".md", ".yaml", ".yml", ".toml", ".css", ".js", ".html")


def package(path: Path) -> str:
    """Returns `dataset` of classifier/dataset/split.py, `head` of classifier/head.py."""
    return path.parts[1].removesuffix(".py")


def test_no_stage_imports_a_stage_except_that_params_imports_their_params():
    allowed = {f"stages/{name}" for name in ("fetch.py", "freeze.py")}
    others = {p.as_posix() for p in imports(PARAMS) if p.parts[0] == "stages"}
    assert {p for p in others if not p.endswith("/params.py")} == allowed
    for path in MODULES:
        if path.parts[0] == "stages" and path != PARAMS:
            others = {p for p in imports(path) if p.parts[0] == "stages"}
            assert {package(p) for p in others} <= {package(path)}, path


def test_the_library_imports_no_stage():
    for path in MODULES:
        if path.parts[0] == "classifier":
            assert not [p for p in imports(path) if p.parts[0] == "stages"], path


def test_no_circle_between_packages():
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        if path.parts[0] == "classifier":
            graph.setdefault(package(path), set()).update(map(package, imports(path)))
    graph = {name: others - {name} for name, others in graph.items()}
    while last := {name for name, others in graph.items() if not others & graph.keys()}:
        graph = {name: others for name, others in graph.items() if name not in last}
    assert graph == {}


def test_an_init_is_one_docstring_line():
    for path in (
        p for code in ("classifier", "stages") for p in (ROOT / code).rglob("__init__.py")
    ):
        body = parse(path).body
        assert len(body) == 1, path
        assert "\n" not in (ast.get_docstring(parse(path)) or "\n"), path


def test_every_folder_of_code_is_a_package_and_none_is_called_utils():
    for path in MODULES:
        assert (ROOT / path).with_name("__init__.py").exists(), path
        assert not re.search(r"utils?|helpers?|misc|common\.py", path.name), path


def test_no_module_has_a_relative_import():
    for path in MODULES:  # stages/code.py reads absolute ones
        froms = [node for node in ast.walk(parse(path)) if isinstance(node, ast.ImportFrom)]
        assert [node.lineno for node in froms if node.level] == [], path


def test_dvc_yaml_stays_short():
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) < 190


def own_test(module: Path) -> Path:
    """Returns the test file that mirrors a module or a package."""
    folders = module.parts[:-1] if module.parts[0] == "stages" else module.parts[1:-1]
    if module.name == "stage.py":
        return Path("tests", *folders[:-1], f"test_{folders[-1]}.py")
    return Path("tests", *folders, f"test_{module.stem.strip('_')}.py")


def has_public_functions(module: Path) -> bool:
    kinds = (ast.FunctionDef, ast.ClassDef)
    names = [node.name for node in parse(module).body if isinstance(node, kinds)]
    return bool({name for name in names if not name.startswith("_")} - {"main"})


def has_test(module: Path) -> bool:
    """Tells whether a module, its package or its stage has a test file."""
    packages = [parent for parent in module.parents if len(parent.parts) > 1]
    return any((ROOT / own_test(path)).exists() for path in (module, *packages))


def test_every_module_has_its_test():
    exceptions = {Path("classifier", f"{name}.py") for name in TESTED_BY}
    without = {m for m in MODULES if has_public_functions(m) and not has_test(m)}
    assert without - exceptions == set()
    assert exceptions - without == set()


@pytest.mark.parametrize("name", TESTED_BY)
def test_a_module_without_a_test_of_its_own_is_used_by_the_module_of_the_test_named(name):
    (tested,) = [m for m in MODULES if own_test(m) == Path("tests", f"{TESTED_BY[name]}.py")]
    assert Path("classifier", f"{name}.py") in reached(tested)


def test_every_test_in_a_folder_has_its_module():
    packages = {parent for module in MODULES for parent in module.parents}
    mirrored = {own_test(path) for path in {*MODULES, *packages} if len(path.parts) > 1}
    paths = {path.relative_to(ROOT) for path in (ROOT / "tests").glob("*/**/test_*.py")}
    assert paths - mirrored == set()


def texts() -> list[Path]:
    folders = ("classifier", "stages", "tests", "benchmarks", "docs", "presets", ".github")
    inside = [p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in TEXT]
    above = [p for p in ROOT.iterdir() if p.suffix in TEXT or p.name == "Makefile"]
    return [path for path in [*above, *inside, ROOT / "input" / "README.md"] if path.is_file()]


@pytest.mark.parametrize("word", WORDS)
def test_words_of_a_private_language_do_not_occur(word):
    pattern = re.compile(rf"\b{word}\b", re.IGNORECASE)
    bad = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts()
        if path != Path(__file__)
        for number, line in enumerate(current_names(path).splitlines(), 1)
        if pattern.search(line)
    ]
    assert bad == []
