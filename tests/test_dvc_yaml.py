"""dvc.yaml against the code: without a dep that it needs, a stage would leave stale results."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest

from classifier.common import params
from classifier.dataset import folders, manifest
from classifier.evaluation import scored_images
from classifier.images.augmentation import ViewParams
from stages.validate.params import Params as ValidateParams
from tests.project import ROOT
from tests.source_code import STAGES, main_module, outs, parse

# not the whole section: `run_on`, and `batch_size` and `threads` of extract
EXTRACT = [f"extract.{field.name}" for field in fields(ViewParams)]
VALIDATE = [f"validate.{field.name}" for field in fields(ValidateParams)]
VALIDATE = [name for name in VALIDATE if name not in params.NO_EFFECT]
SOME = {
    "validate": ["dataset", "validate.table_format", *VALIDATE],
    "extract": EXTRACT,
    "evaluate": ["predict.keep"],
    "export": ["export", "predict"],
    "report": [*VALIDATE, *EXTRACT, *params.SECTIONS],
}
SOME["report"].remove("validate")
SOME["report"].remove("extract")


@pytest.mark.parametrize("stage", STAGES)
def test_one_name_stands_for_a_stage_everywhere(stage):
    assert STAGES[stage]["cmd"] == f"python -m stages.{stage}"
    assert (ROOT / main_module(stage)).exists()
    assert (ROOT / "tests" / "stages" / f"test_{stage}.py").exists()
    assert STAGES[stage]["desc"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_the_params_it_reads(stage):
    expected = SOME.get(stage, [stage] if stage in params.SECTIONS else [])
    assert sorted(STAGES[stage].get("params", [])) == sorted(expected)


@pytest.mark.parametrize("stage", STAGES)
def test_the_docstring_names_the_files_that_dvc_yaml_lists(stage):
    docstring = ast.get_docstring(parse(main_module(stage))) or ""
    data = [dep for dep in STAGES[stage]["deps"] if not dep.startswith("results/code/")]
    assert [path for path in outs(stage) + data if path not in docstring] == []


def recorded(project, stage: str, event: str) -> list[str]:
    """Returns what the stage's processes opened or imported in the first run of the project."""
    lines = (project.folder.parent / "record" / stage).read_text(encoding="utf-8").splitlines()
    return [line.partition(" ")[2] for line in lines if line.startswith(f"{event} ")]


def fingerprinted(project, stage: str) -> list[Path]:
    """Returns the files that stand behind results/code/<stage>.txt, a dep of the stage."""
    path = f"results/code/{stage}.txt"
    assert path in STAGES[stage]["deps"]
    lines = (project.folder / path).read_text(encoding="utf-8").splitlines()
    return [Path(line.split("  ", 1)[1]) for line in lines]


def source(path: Path) -> Path:
    """Returns the module that a file in __pycache__ was compiled from."""
    if path.parent.name == "__pycache__":
        return path.parent.with_name(f"{path.name.partition('.')[0]}.py")
    return path


@pytest.mark.parametrize("stage", STAGES)
def test_every_file_a_stage_opens_is_listed(stage, finished):
    listed = [Path(path) for path in (*STAGES[stage]["deps"], *outs(stage), "params.yaml")]
    if stage != "code":
        listed += fingerprinted(finished, stage)
    # these have the images' content hashes, or what was predicted for them
    if {manifest.PATH, scored_images.TEST} & set(listed):
        listed.append(folders.INPUT)
    read = set()
    for line in recorded(finished, stage, "open"):
        mode, _, path = line.partition(" ")
        full = source(finished.folder / ast.literal_eval(path))
        if set(mode).isdisjoint("wxa+") and full.is_relative_to(finished.folder) and full.is_file():
            read.add(full.relative_to(finished.folder))
    read = {p for p in read if p.name != "__init__.py"}  # one docstring (test_layout.py)
    # results of earlier runs, in the cache and the last commit, save time and change no byte
    read = {p for p in read if not p.parts[0].startswith((".cache", ".git", ".dvc"))}
    assert main_module(stage) in read, "the hook saw nothing"
    assert {p for p in read if not any(p.is_relative_to(path) for path in listed)} == set()


@pytest.mark.parametrize(
    "stage", ["validate", "fetch", "extract", "inspect", "predict", "evaluate", "report"]
)
def test_tensorflow_stays_unloaded_where_it_is_not_needed(stage, finished):
    assert {"tensorflow", "keras"}.isdisjoint(recorded(finished, stage, "import"))


def test_git_ignores_every_output():
    for stage in STAGES:
        for item in STAGES[stage].get("outs", []):
            path = item if isinstance(item, str) else next(iter(item))
            folder, _, name = path.partition("/")
            ignored = (ROOT / folder / ".gitignore").read_text(encoding="utf-8").splitlines()
            assert f"/{name}" in ignored, path
