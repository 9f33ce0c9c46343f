import shutil
import subprocess
from pathlib import Path

import pytest

from stages import code
from tests.project import ROOT, executed


@pytest.fixture
def copy(inside):
    """A copy of the code, as the working directory."""
    for folder in (code.STAGES, code.LIBRARY):
        shutil.copytree(ROOT / folder, inside / folder, dirs_exist_ok=True)
    return inside


def run():
    """Runs the stage and returns what it wrote, by stage."""
    code.main()
    return {path.stem: path.read_text(encoding="utf-8") for path in code.OUT.iterdir()}


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


def test_what_imports_later_or_only_a_function_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c", "d"):
        Path(f"{name}.py").write_text("", encoding="utf-8")
    Path("a.py").write_text("def f():\n    import b\n    from c import name\n", encoding="utf-8")
    graph = code.import_graph(map(Path, ("a.py", "b.py", "c.py", "d.py")))
    assert code.reached([Path("a.py")], graph) == {Path("a.py"), Path("b.py"), Path("c.py")}


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not installed")
def test_the_hashes_are_those_of_sha256sum(copy):
    run()
    for path in code.OUT.iterdir():
        subprocess.run(("sha256sum", "--check", "--strict", path), check=True, capture_output=True)


def test_a_changed_module_reruns_its_stages_alone(project):
    path = project.folder / "stages" / "report" / "page.js"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert executed(project.shell("dvc", "repro").stdout) == {"report"}
