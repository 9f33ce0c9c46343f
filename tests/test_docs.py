"""README.md and docs/ against the code: tables, commands, links and quoted output."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from classifier.common import params
from tests.project import ROOT
from tests.source_code import STAGES, current_names, outs
from tests.test_pipeline import TABLE

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "input" / "README.md"])
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = ROOT / "classifier" / "commands"
DEFAULTS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
EVERY_PARAM = [f"{section}.{key}" for section, values in DEFAULTS.items() for key in values]


def doc(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """Returns the cells of all table rows of a page, headers and rules included."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def code(text: str) -> list[str]:
    """Returns the lines of the fenced blocks of a page, and what it has between backticks."""
    blocks = re.findall(r"^ *```.*?\n(.*?)^ *```", text, re.M | re.S)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S))
    return [
        line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()
    ] + spans


def test_the_readme_is_short():
    assert len(README.split()) <= 800


def rerun_table() -> dict[str, str]:
    """Returns what docs/how-to/change-and-rerun.md says of each param."""
    table = [row for row in rows(doc("how-to/change-and-rerun.md")) if len(row) == 2]
    return {name: row[1] for row in table for name in re.findall(r"`(\w+\.\w+)`", row[0])}


def stages_in(text: str) -> set[str]:
    return {stage for stage in STAGES if re.search(rf"\b{stage}\b", text)}


def test_the_rerun_table_has_every_param():
    assert sorted(rerun_table()) == sorted(EVERY_PARAM)


@pytest.mark.parametrize("name", TABLE)
def test_the_rerun_table_is_what_the_pipeline_does(name):
    _, expected = TABLE[name]
    always, _, _ = rerun_table()[name].partition(";")
    assert stages_in(always) == expected


def test_every_param_is_described():
    text = doc("reference/params.md")
    described = [name for row in rows(text) for name in re.findall(r"`(\w+\.\w+)`", row[0])]
    described = [name for name in described if name in EVERY_PARAM]
    assert sorted(described) == sorted(EVERY_PARAM)
    assert set(params.RENAMED) <= set(re.findall(r"`(\w+\.\w+)`", text))


def test_the_defaults_described_are_those_of_params_yaml():
    for row in rows(doc("reference/params.md")):
        if len(row) > 3 and "`" in row[0]:
            for name in re.findall(r"`(\w+)\.(\w+)`", row[0]):
                value = DEFAULTS[name[0]][name[1]]
                assert (
                    row[1].strip("`")
                    == yaml.safe_dump(value, default_flow_style=True).split("\n")[0]
                ), name


@pytest.mark.parametrize("path", [p for s in STAGES for p in outs(s) if p.endswith(".csv")])
def test_columns_are_those_of_the_file(path, finished):
    (row,) = [row for row in rows(doc("reference/files.md")) if row[0] == f"`{path}`"]
    described = row[1].split("`")[1].replace("...", "class_3,probability_3")
    header, *_ = (finished.folder / path).read_text(encoding="utf-8").splitlines()
    assert described == header


def test_every_output_is_described():
    described = {row[0].strip("`") for row in rows(doc("reference/files.md"))}
    assert [path for stage in STAGES for path in outs(stage) if path not in described] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
class TestPage:
    def test_links_and_anchors_exist(self, page):
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), link
            if anchor:
                assert anchor in anchors(target), link

    def test_files_named_are_outputs_or_exist(self, page):
        made = tuple(path for stage in STAGES for path in outs(stage))
        for name in re.findall(r"`((?:results|models)/[\w./]+)`", current_names(page)):
            assert name.startswith(made) or (ROOT / name).exists(), name

    def test_make_targets_exist(self, page):
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        for line in code(current_names(page)):
            for target in re.findall(r"\bmake ([\w-]+)", line):
                assert re.search(rf"^{target}:", makefile, re.M), line

    def test_modules_to_run_exist(self, page):
        for line in code(current_names(page)):
            if found := re.search(
                r"python[\d.]* -m ((?:classifier|stages|benchmarks)(?:\.\w+)*)(?!\.<)", line
            ):
                path = ROOT.joinpath(*found[1].split("."))
                assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), line

    def test_commands_and_their_options_exist(self, page):
        commands = import_module("classifier.__main__").COMMANDS
        for line in code(current_names(page)):
            words = shlex.split(line.partition("#")[0]) if "-m classifier " in line else []
            if words[1:3] == ["-m", "classifier"] and words[3] != "--help":
                assert words[3] in commands, line
                modules = (words[3], "_new_images", "_page_server")
                source = "".join((COMMANDS / f"{name}.py").read_text() for name in modules)
                for option in (w.partition("=")[0] for w in words[4:] if w.startswith("--")):
                    assert option == "--help" or f'"{option}"' in source, line

    def test_params_named_exist(self, page):
        sections = "|".join(params.SECTIONS)
        for name in re.findall(rf"`({sections})\.(\w+)`", current_names(page)):
            assert ".".join(name) in EVERY_PARAM or name[1] in ("py", "stage"), name


def anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def shape(line: str) -> str:
    """Returns a line of output without what differs from run to run."""
    test_score, findings = r",? test accuracy[^>]*(?=->)", r"(?<=images): [^>]*(?=->)"
    layers = r"(layers? )?(mixed\d+( and )?)+"
    head = r"\b(mean|discriminant)(?= on)|strength[^;]*"
    values = r"\(.*?\)|[\d.,]+(e-\d+)?|\S+\.h5|random|imagenet|; RANDOM.*"
    varying = f"{test_score}|{findings}|{head}|{layers}|{values}"
    return re.sub(varying, "", line).split("->")[0]


def quoted() -> dict[str, str]:
    """Returns the lines that README and docs quote from stages, by `page: line`."""
    pattern = re.compile(rf"^ *((?:{'|'.join(STAGES)}): .*)$", re.M)
    found = {}
    for page in PAGES:
        for line in pattern.findall(page.read_text(encoding="utf-8")):
            found[f"{page.relative_to(ROOT)}: {line.partition(':')[0]}"] = line
    return found


def test_the_output_of_every_stage_is_quoted():
    assert {name.rpartition(": ")[2] for name in quoted()} == STAGES.keys()


@pytest.mark.parametrize("place", quoted())
def test_quoted_output_is_what_the_stage_prints(place, finished):
    line = quoted()[place]
    stage = line.partition(":")[0]
    (real,) = [s for s in finished.output.splitlines() if s.startswith(f"{stage}: ")]
    assert shape(line).split() == shape(real).split()
    paths = r"results/\w+\.\w+|models/\w+"
    assert set(re.findall(paths, line)) == set(re.findall(paths, real))
