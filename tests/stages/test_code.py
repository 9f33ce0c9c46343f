import shutil
import subprocess
from pathlib import Path

import pytest

from classifier.common import code_files
from stages import code
from tests.project import ROOT, executed
from tests.source_code import imports


@pytest.fixture
def copy(inside):
    """A copy of the code, as the working directory."""
    for folder in (code.STAGES, code.LIBRARY):
        shutil.copytree(ROOT / folder, inside / folder, dirs_exist_ok=True)
    return inside


def run():
    """Runs the stage and returns what it wrote, by stage."""
    code.main()
    return {path.stem: path.read_text(encoding="utf-8") for path in code_files.FOLDER.iterdir()}


def changed(path):
    """Returns the stages that a change of a file reruns."""
    before = run()
    with path.open("a", encoding="utf-8") as file:
        file.write("\n")
    after = run()
    return {name for name in after if after[name] != before[name]}


def test_a_change_reruns_the_stages_that_import_the_module(copy):
    assert changed(Path("stages/train/logistic.py")) == {"train"}
    assert changed(Path("classifier/common/files.py")) == set(run())
    assert changed(Path("classifier/heat_maps.py")) == {"report"}
    assert changed(Path("classifier/serving/app.py")) == set()
    assert changed(Path("stages/train/params.py")) == {"train", "params"}


def test_a_page_belongs_to_its_stage_or_to_the_modules_beside_it(copy):
    assert changed(Path("stages/report/page.js")) == {"report"}
    assert changed(Path("stages/export/web_page/index.html")) == {"export"}
    assert changed(Path("classifier/html/page.css")) == {"report"}
    Path("stages/export/web_page/icon.svg").touch()
    assert changed(Path("stages/export/web_page/icon.svg")) == {"export"}


@pytest.mark.parametrize(
    "name",
    ["train/.ipynb_checkpoints/a.py", ".ipynb_checkpoints/b.py", "train/._c.py", "train/d.py~"],
)
def test_what_editors_leave_belongs_to_no_stage(copy, name):
    before = run()
    path = code.STAGES / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\0 import classifier.head")
    assert run() == before


def test_a_half_written_module_changes_its_stage_alone(copy):
    assert changed(Path("classifier/serving/app.py")) == set()
    Path("classifier/serving/app.py").write_text("def (", encoding="utf-8")
    Path("stages/train/new.py").write_text("import", encoding="utf-8")
    assert changed(Path("stages/train/new.py")) == {"train"}


def test_what_imports_later_or_only_a_function_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c", "d"):
        Path(f"{name}.py").write_text("", encoding="utf-8")
    Path("a.py").write_text("def f():\n    import b\n    from c import name\n", encoding="utf-8")
    graph = code.import_graph(map(Path, ("a.py", "b.py", "c.py", "d.py")))
    assert code.reached([Path("a.py")], graph) == {Path("a.py"), Path("b.py"), Path("c.py")}


def test_the_modules_of_predict_are_those_in_its_import_statements():
    names = "head common/files common/params common/errors dataset/features dataset/folders"
    names += " dataset/problems evaluation/predictions evaluation/scored_images"
    assert imports(Path("stages/predict.py")) == {
        Path("classifier", f"{name}.py") for name in names.split()
    }


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not installed")
def test_the_hashes_are_those_of_sha256sum(copy):
    run()
    for path in code_files.FOLDER.iterdir():
        subprocess.run(("sha256sum", "--check", "--strict", path), check=True, capture_output=True)


def test_a_changed_module_reruns_its_stages_alone(project):
    path = project.folder / "stages" / "report" / "page.js"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert executed(project.shell("dvc", "repro").stdout) == {"report"}


@pytest.mark.slow
def test_a_stage_stops_whose_code_was_edited_during_the_run(project):
    path = project.folder / "stages" / "train" / "logistic.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n", encoding="utf-8")
    done = project.shell("dvc", "repro", "-f", "-s", "train", ok=False)  # without stage `code`
    rule = "error: stages/train/logistic.py: must be as at the start of `dvc repro`; got an edited"
    assert rule in done.stderr and done.returncode
    path.write_text(text, encoding="utf-8")
    project.shell("dvc", "repro", "-f", "-s", "train")
