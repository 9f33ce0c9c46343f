import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.project import Project, copy, draw

pytestmark = pytest.mark.slow


def classify(project: Project, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "classifier", "classify", *arguments]
    options = {"capture_output": True, "text": True, **options}
    return subprocess.run(command, cwd=project.folder, check=False, **options)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def predictions(project: Project) -> list[dict[str, str]]:
    return table((project.folder / "results" / "predictions.csv").read_text())


@pytest.fixture(scope="module")
def broken(finished, tmp_path_factory) -> Path:
    """A folder with an image, a file that is none, one cut off, and clutter."""
    folder = tmp_path_factory.mktemp("broken")
    whole = (finished.folder / "input" / "test" / "0.jpg").read_bytes()
    (folder / "a.jpg").write_bytes(whole)
    (folder / "b.jpg").write_text("<html>")
    (folder / "inner").mkdir()
    (folder / "inner" / "c.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / ".DS_Store").touch()
    return folder


def test_its_probabilities_are_those_of_the_pipeline(finished):
    done = classify(finished, "input/test", "--csv", "-")
    assert done.returncode == 0
    assert table(done.stdout) == predictions(finished)


def test_also_averaged_over_views_of_maps(finished, tmp_path):
    project = copy(finished, tmp_path / "project")
    for name, value in {
        "freeze.last_layer": "mixed9",
        "freeze.pooling": "none",
        "train.fine_tune_epochs": 1,
        "extract.tta_views": 3,
    }.items():
        project.set(name, value)
    project.repro()
    assert table(classify(project, "input/test", "--csv", "-").stdout) == predictions(project)


def test_people_get_a_table_of_the_classes_asked_for(finished):
    done = classify(finished, "input/test/1.jpg", "input/test/0.jpg", "--top-k", "2")
    first, second = (line.split() for line in done.stdout.splitlines())
    known = {row["path"]: row for row in predictions(finished)}
    for cells, path in ((first, "input/test/1.jpg"), (second, "input/test/0.jpg")):
        row = known[path]
        expected = [row[n] for n in ("predicted", "probability", "class_2", "probability_2")]
        assert cells == [path, *expected]
    assert done.stderr.startswith("classify: 2 images")


def test_files_that_cannot_be_read_have_a_row_and_the_exit_code_says_so(finished, broken):
    done = classify(finished, str(broken), "nowhere.jpg", "--csv", "-")
    assert done.returncode == 1
    found = [(Path(row["path"]).name, row["status"]) for row in table(done.stdout)]
    assert found == [
        ("a.jpg", "ok"),
        ("b.jpg", "not_an_image"),
        ("c.jpg", "truncated"),
        ("nowhere.jpg", "unreadable"),
    ]
    assert "classify: 4 images, 3 of them not read" in done.stderr


def test_people_are_told_why_a_file_cannot_be_read(finished, broken):
    for paths in ([str(broken)], [str(broken / "b.jpg")]):
        lines = classify(finished, *paths).stdout.splitlines()
        (line,) = [line for line in lines if "b.jpg" in line]
        assert line.startswith(f"{broken / 'b.jpg'}  ")
        assert "not_an_image: the content is none of JPEG" in line


def test_json_has_the_same_and_the_reasons(finished, broken, tmp_path):
    done = classify(finished, str(broken), "--json", str(tmp_path / "found.json"), "--csv", "-")
    rows, found = table(done.stdout), json.loads((tmp_path / "found.json").read_text())
    assert [one["status"] for one in found] == ["ok", "not_an_image", "truncated"]
    assert found[0]["predicted"] == rows[0]["predicted"]
    assert next(iter(found[0]["probabilities"].values())) == float(rows[0]["probability"])
    assert "the content is none of JPEG" in found[1]["detail"]


def test_json_of_nothing_is_an_empty_list(finished, tmp_path):
    (tmp_path / "empty").mkdir()
    assert json.loads(classify(finished, str(tmp_path / "empty"), "--json", "-").stdout) == []


def test_a_image_and_a_list_come_by_standard_input(finished):
    expected = [row["predicted"] for row in predictions(finished)]
    data = (finished.folder / "input" / "test" / "0.jpg").read_bytes()
    done = classify(finished, "-", "--csv", "-", input=data, text=False)
    (row,) = table(done.stdout.decode())
    assert (row["path"], row["predicted"]) == ("-", expected[0])
    names = "input/test/0.jpg\n\ninput/test/1.jpg\r\n"
    rows = table(classify(finished, "--list", "-", "--csv", "-", input=names).stdout)
    assert [row["predicted"] for row in rows] == expected[:2]


@pytest.mark.parametrize("name", ["=1+1.jpg", "-x.jpg", "two\nlines.jpg", 'quo"te, comma.jpg'])
def test_odd_names_come_back_as_they_are(name, finished, tmp_path):
    shutil.copy(finished.folder / "input" / "test" / "0.jpg", tmp_path / name)
    (row,) = table(classify(finished, "--csv", "-", "--", str(tmp_path)).stdout)
    assert Path(row["path"]).name == name
    assert len(classify(finished, "--", str(tmp_path)).stdout.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf8_are_shown_with_escapes(finished, tmp_path):
    place = os.fsencode(tmp_path) + b"/\xff.jpg"
    shutil.copy(finished.folder / "input" / "test" / "0.jpg", place)
    (row,) = table(classify(finished, "--csv", "-", str(tmp_path)).stdout)
    assert row["path"].endswith("/\\xff.jpg") and row["status"] == "ok"


def test_a_image_of_any_size_and_kind_is_taken(finished, tmp_path):
    draw(tmp_path / "large.png", "circle", 5, (900, 300))
    Image.open(tmp_path / "large.png").convert("CMYK").save(tmp_path / "cmyk.tif")
    rows = table(classify(finished, str(tmp_path), "--csv", "-").stdout)
    assert [row["status"] for row in rows] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name an image or a folder"),
        (["a.jpg", "--top-k", "0"], "--top-k: must be 1 or more; got 0"),
        (["a.jpg", "--csv", "-", "--json", "-"], "cannot both go to standard output"),
        (["-", "--list", "-"], "standard input is either an image or a list"),
    ],
)
def test_wrong_usage_ends_with_2(arguments, said, finished):
    done = classify(finished, *arguments)
    assert done.returncode == 2 and said in done.stderr


def test_without_a_classifier_it_says_how_to_get_one(project):
    shutil.rmtree(project.folder / "models" / "head")
    done = classify(project, "input/test")
    assert done.returncode == 1
    assert done.stderr == (
        "error: models/head/head.json: there is no trained classifier here; run `dvc repro`, "
        "or `dvc pull` if a colleague has\n"
    )


def test_a_head_of_another_network_is_refused(project):
    path = project.folder / "models" / "head" / "head.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | {"fingerprint": "0" * 64}))
    done = classify(project, "input/test")
    assert done.returncode == 1 and "run `dvc repro`" in done.stderr
    assert done.stderr.startswith("error: models/head: was trained on features of another network")


def test_whoever_reads_may_stop_early(finished, tmp_path):
    for number in range(300):
        shutil.copy(finished.folder / "input" / "test" / "0.jpg", tmp_path / f"{number}.jpg")
    command = f"{sys.executable} -m classifier classify {tmp_path} --csv - | head -1"
    done = subprocess.run(
        command, shell=True, cwd=finished.folder, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("path,status,predicted") and "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_tensorflow_stays_unloaded(finished):
    code = (
        "import runpy, sys; sys.argv = ['classify', 'input/test']\n"
        "runpy.run_module('classifier classify', run_name='__main__')\n"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert finished.shell(sys.executable, "-c", code).returncode == 0
