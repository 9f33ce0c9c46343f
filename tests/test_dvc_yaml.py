"""dvc.yaml against the code: a dep that is missing there would leave a stale result behind."""

import ast
import json
import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from classifier.images.averaging import Averaging

from classifier.common import params
from classifier.images.augmentation import ViewParams
from classifier.inference import engine
from tests.project import ROOT

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# not the whole section: `batch_size` and `threads` of extract change no byte of a result
PARAMS = {"extract": [f"extract.{field.name}" for field in fields(ViewParams)]}
PARAMS["report"] = [name for name in params.SECTIONS if name != "extract"] + PARAMS["extract"]
PARAMS["extract"] = PARAMS["extract"] + [f"predict.{field.name}" for field in fields(Averaging)]
VERBS = {*STAGES, "classify", "demo", "store"}

WATCH = """
import json, runpy, sys
opened = []
sys.addaudithook(lambda name, args: name == "open" and opened.append((str(args[0]), args[1])))
runpy.run_module("stages." + sys.argv[1], run_name="__main__")
print(json.dumps([opened, [str(getattr(m, "__file__", "")) for m in sys.modules.values()]]))
"""


def names(items: list) -> list[str]:
    return [item if isinstance(item, str) else next(iter(item)) for item in items]


def outs(stage: str) -> list[str]:
    return names(STAGES[stage].get("outs", []) + STAGES[stage].get("metrics", []))


def imported(module: str) -> set[str]:
    """Returns the modules of `stages` that one imports, wherever it does."""
    tree = ast.parse((ROOT / "stages" / f"{module}.py").read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "stages":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stages."):
            found.add(node.module.split(".")[1])
    return found


def needed(module: str) -> set[str]:
    """Returns the modules that one reaches by imports, itself included."""
    reached, open_ends = set(), {module}
    while open_ends:
        reached |= open_ends
        open_ends = set().union(*map(imported, open_ends)) - reached
    return reached


@pytest.mark.parametrize("stage", STAGES)
def test_every_module_a_stage_imports_is_its_dep_and_no_other(stage):
    code = {dep for dep in STAGES[stage]["deps"] if re.match(r"stages/.*\.py$", dep)}
    assert code == {f"stages/{module}.py" for module in needed(stage) | {"__init__"}}


@pytest.mark.parametrize("stage", STAGES)
def test_one_name_stands_for_a_stage_everywhere(stage):
    assert STAGES[stage]["cmd"] == f"python -m stages.{stage}"
    assert (ROOT / "stages" / f"{stage}.py").exists()
    assert (ROOT / "tests" / f"test_{stage}.py").exists()
    wanted = PARAMS.get(stage, [stage] if stage in params.SECTIONS else [])
    assert sorted(STAGES[stage].get("params", [])) == sorted(wanted)
    assert STAGES[stage]["desc"]


def test_no_verb_imports_a_verb():
    for verb in STAGES:
        assert imported(verb).isdisjoint(VERBS - {verb}), verb


def test_no_noun_imports_a_verb():
    for path in (ROOT / "stages").glob("*.py"):
        if path.stem not in VERBS:
            assert imported(path.stem).isdisjoint(VERBS), path


@pytest.mark.parametrize("stage", STAGES)
def test_docstrings_name_what_dvc_yaml_lists(stage):
    said = ast.get_docstring(ast.parse((ROOT / f"stages/{stage}.py").read_text(encoding="utf-8")))
    for path in outs(stage) + [d for d in STAGES[stage]["deps"] if not d.startswith("stages/")]:
        assert path in said, path


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_every_file_a_stage_opens_is_listed(stage, project):
    done = project.shell(sys.executable, "-c", WATCH, stage)
    opened, modules = json.loads(done.stdout.splitlines()[-1])
    top = project.folder
    read = {Path(p) for p, mode in opened if mode and set(mode).isdisjoint("wxa+")}
    read |= {Path(module) for module in modules}
    inside = {str((top / p).relative_to(top)) for p in read if (top / p).is_relative_to(top)}
    inside = {path for path in inside if "__pycache__" not in path and (top / path).is_file()}
    listed = (*STAGES[stage]["deps"], *outs(stage), "params.yaml")
    assert inside, "the hook saw nothing"
    assert {p for p in inside if not p.startswith(listed)} == set()


def test_what_needs_no_tensorflow_does_not_import_it():
    light = {stage for stage in STAGES if "backend" not in needed(stage)}
    assert light == {
        "validate",
        "inspect",
        "predict",
        "evaluate",
        "report",
    }  # and extract, on OpenVINO


@pytest.mark.slow
@pytest.mark.parametrize(
    "stage", ["validate", "fetch", "extract", "inspect", "predict", "evaluate"]
)
def test_tensorflow_stays_unloaded_where_it_is_not_needed(stage, project):
    done = project.shell(sys.executable, "-c", WATCH, stage)
    _, modules = json.loads(done.stdout.splitlines()[-1])
    assert not [m for m in modules if "/tensorflow/" in m or "/keras/" in m]


def test_nothing_reaches_the_features_but_what_their_key_names():
    # of base the key has every byte; outputs and errors serve its writing
    assert needed("images") == {"images"}
    engines = {"openvino_engine", "tensorflow_engine", "backend"}
    assert needed("engine") == {"engine", "images", "base", "outputs", "errors"} | engines
    assert set().union(*engine.MODULES.values()) == engines


def test_every_output_is_kept_from_git():
    for stage in STAGES:
        for item in STAGES[stage].get("outs", []):
            folder, _, name = item.partition("/")
            assert f"/{name}\n" in (ROOT / folder / ".gitignore").read_text(encoding="utf-8")
