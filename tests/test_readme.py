"""The README and docs/formats.md against the code: their tables, commands and real output."""

import re

import pytest
import yaml

from classifier.dataset import excluded, findings, manifest, problems, split
from classifier.evaluation import metrics, predictions
from stages.train import history
from tests.project import ROOT
from tests.test_dvc_yaml import STAGES, outs
from tests.test_pipeline import TABLE

README = (ROOT / "README.md").read_text(encoding="utf-8")
FORMATS = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def rows(text: str, heading: str) -> list[list[str]]:
    """Returns the cells of the first table below a heading."""
    table = text.split(heading, 1)[1].split("\n|", 1)[1].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def rerun_table() -> dict[str, str]:
    """Returns what the README says of each param."""
    found = {}
    for change, stages in rows(README, "run `dvc repro` again"):
        for name in re.findall(r"`(\w+\.\w+)`", change):
            found[name] = stages
    return found


@pytest.mark.parametrize(("name", "value", "expected"), TABLE)
def test_the_rerun_table_is_what_the_pipeline_does(name, value, expected):
    said = rerun_table()[name]
    named = {stage for stage in STAGES if re.search(rf"\b{stage}\b", said.split(" where ")[0])}
    assert named == expected


def test_the_rerun_table_has_every_param():
    every = {f"{section}.{key}" for section, values in PARAMS.items() for key in values}
    assert set(rerun_table()) == every


def test_every_make_target_named_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:^|`)make (\w+)(?:$|`)", README, re.M))
    assert {"demo", "test", "setup"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_every_file_named_is_made_or_there():
    made = [path for stage in STAGES for path in outs(stage)]
    for name in re.findall(r"`((?:results|models)/[\w./]+)`", README + FORMATS):
        assert name.startswith(tuple(made)), name
    for name in re.findall(r"\]\((?!https)([^)]+)\)", README):
        assert (ROOT / name).exists(), name


def test_every_output_is_described():
    for stage in STAGES:
        for path in outs(stage):
            assert f"`{path}" in FORMATS, path


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("images.csv", manifest.HEADER),
        ("problems.csv", problems.HEADER),
        ("inspection.csv", findings.HEADER),
        ("left_out.csv", excluded.HEADER),
        ("split.csv", split.HEADER),
        ("history.csv", ("epoch", *history.COLUMNS)),
        ("validation.csv", metrics.HEADER),
        ("classes.csv", metrics.CLASSES_HEADER),
        ("calibration.csv", metrics.CALIBRATION_HEADER),
    ],
)
def test_columns_are_those_of_the_code(name, header):
    (cells,) = [row for row in rows(FORMATS, "# Every") if f"`results/{name}`" in row[0]]
    assert f"`{','.join(header)}`" in cells[1]


def test_columns_of_the_predictions_are_those_of_the_code():
    (cells,) = [row for row in rows(FORMATS, "# Every") if "predictions.csv" in row[0]]
    said = re.search(r"`([\w,.]+)`", cells[1]).group(1).replace("...", "class_3,probability_3")
    assert said.split(",") == predictions.header(3)


def test_the_tree_names_what_is_there():
    tree = README.split("## How it is made")[1].split("```")[1]
    for name in re.findall(r"^(\S+)", tree, re.M):
        assert (ROOT / name).exists(), name


def plain(line: str) -> str:
    """Returns a line of output without what differs from run to run."""
    varying = r"\(.*?\)|[\d.,]+(e-\d+)?|\S+\.h5|random|imagenet"
    return re.sub(varying, "", line).split("->")[0]


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_quoted_output_is_what_the_stage_says(stage, finished):
    (quoted,) = [line for line in README.splitlines() if line.startswith(f"{stage}: ")]
    (real,) = [line for line in finished.said.splitlines() if line.startswith(f"{stage}: ")]
    assert plain(quoted).split() == plain(real).split()
    assert set(re.findall(r"results/\w+\.\w+|models/\w+", quoted)) == set(
        re.findall(r"results/\w+\.\w+|models/\w+", real)
    )
