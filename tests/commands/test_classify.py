import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.hostile import scan_bomb
from tests.project import Project, copy, draw

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def finished(finished, tmp_path_factory) -> Project:
    """A copy, as `classify` writes into the cache."""
    return copy(finished, tmp_path_factory.mktemp("classify") / "project")


def classify(project: Project, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "classifier", "classify", *arguments]
    options = {"capture_output": True, "text": True, **options}
    return subprocess.run(command, cwd=project.folder, check=False, **options)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def predictions(project: Project) -> list[dict[str, str]]:
    return table((project.folder / "results" / "predictions.csv").read_text())


@pytest.fixture(scope="module")
def broken(finished, tmp_path_factory) -> Path:
    """A folder with an image, a file that is not an image, a truncated one and a system file."""
    folder = tmp_path_factory.mktemp("broken")
    whole = (finished.folder / "input" / "test" / "0.jpg").read_bytes()
    (folder / "a.jpg").write_bytes(whole)
    (folder / "b.jpg").write_text("<html>")
    (folder / "inner").mkdir()
    (folder / "inner" / "c.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / ".DS_Store").touch()
    return folder


def test_the_csv_is_that_of_the_pipeline(finished):
    done = classify(finished, "input/test", "--csv", "-")
    assert done.returncode == 0
    assert table(done.stdout) == predictions(finished)


def test_the_csv_is_that_of_the_pipeline_with_fine_tuning_and_three_views(fine_tuned):
    done = classify(fine_tuned, "input/test", "--csv", "-")
    assert table(done.stdout) == predictions(fine_tuned)


def test_the_table_lists_the_classes_of_each_image(finished):
    done = classify(finished, "input/test/1.jpg", "input/test/0.jpg", "--top-k", "2")
    first, second = (line.split() for line in done.stdout.splitlines())
    known = {row["path"]: row for row in predictions(finished)}
    for cells, path in ((first, "input/test/1.jpg"), (second, "input/test/0.jpg")):
        row = known[path]
        expected = [row[n] for n in ("probability", "class_2", "probability_2")]
        assert cells[:2] == [path, row["predicted"]]
        assert cells[-5:] == [*expected, "novelty", row["novelty"]]
    assert done.stderr.startswith("classify: 2 images, 0 new")


def test_unreadable_files_have_a_row_and_give_exit_code_1(finished, broken):
    done = classify(finished, str(broken), "nowhere.jpg", "--csv", "-")
    assert done.returncode == 1
    statuses = [(Path(row["path"]).name, row["status"]) for row in table(done.stdout)]
    assert statuses == [
        ("a.jpg", "ok"),
        ("b.jpg", "not_an_image"),
        ("c.jpg", "truncated"),
        ("nowhere.jpg", "unreadable"),
    ]
    assert "classify: 4 images, 3 could not be read" in done.stderr


def test_the_table_says_why_a_file_cannot_be_read(finished, broken):
    for paths in ([str(broken)], [str(broken / "b.jpg")]):
        lines = classify(finished, *paths).stdout.splitlines()
        (line,) = [line for line in lines if "b.jpg" in line]
        assert line.startswith(f"{broken / 'b.jpg'}  ")
        assert "not_an_image: the content is none of JPEG" in line


def test_the_json_has_the_same_predictions_and_the_reasons(finished, broken, tmp_path):
    done = classify(finished, str(broken), "--json", str(tmp_path / "all.json"), "--csv", "-")
    rows, items = table(done.stdout), json.loads((tmp_path / "all.json").read_text())
    assert [item["status"] for item in items] == ["ok", "not_an_image", "truncated"]
    assert items[0]["predicted"] == rows[0]["predicted"]
    assert next(iter(items[0]["probabilities"].values())) == float(rows[0]["probability"])
    assert items[0]["novelty"] == float(rows[0]["novelty"])
    assert "the content is none of JPEG" in items[1]["detail"]


def test_a_folder_without_files_is_an_error_that_names_it(finished, tmp_path):
    (tmp_path / ".DS_Store").touch()
    done = classify(finished, "input/test", str(tmp_path), "--json", "-")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"error: {tmp_path}: the folder has no files\n"


def test_an_empty_list_gives_an_empty_json_array(finished):
    done = classify(finished, "--from-file", "-", "--json", "-", input="\n")
    assert done.returncode == 0 and json.loads(done.stdout) == []


def test_a_url_and_an_empty_folder_in_a_list_have_a_row_with_the_reason(finished, tmp_path):
    url = "s3://bucket/cat.jpg"
    done = classify(finished, "--from-file", "-", "--json", "-", input=f"{url}\n{tmp_path}\n")
    details = {item["path"]: item["detail"] for item in json.loads(done.stdout)}
    rule = "must be a file, a folder, or an address that begins with http:// or https://"
    assert details[url] == rule
    assert details[str(tmp_path)] == "the folder has no files"


def test_standard_input_is_an_image_or_a_list(finished):
    expected = [row["predicted"] for row in predictions(finished)]
    data = (finished.folder / "input" / "test" / "0.jpg").read_bytes()
    done = classify(finished, "-", "--csv", "-", input=data, text=False)
    (row,) = table(done.stdout.decode())
    assert (row["path"], row["predicted"]) == ("-", expected[0])
    names = "input/test/0.jpg\n\ninput/test/1.jpg\r\n"
    rows = table(classify(finished, "--from-file", "-", "--csv", "-", input=names).stdout)
    assert [row["predicted"] for row in rows] == expected[:2]


@pytest.mark.parametrize(
    "name", ["=1+1.jpg", "-x.jpg", "two\nlines.jpg", "a\rb.jpg", 'quo"te, comma.jpg']
)
def test_unusual_names_are_written_unchanged(name, finished, tmp_path):
    shutil.copy(finished.folder / "input" / "test" / "0.jpg", tmp_path / name)
    done = classify(finished, "--csv", "-", "--", str(tmp_path), text=False)  # bytes: keep the CR
    (row,) = table(done.stdout.decode())
    assert Path(row["path"]).name == name
    assert len(classify(finished, "--", str(tmp_path)).stdout.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf8_are_escaped(finished, tmp_path):
    place = os.fsencode(tmp_path) + b"/\xff.jpg"
    shutil.copy(finished.folder / "input" / "test" / "0.jpg", place)
    (row,) = table(classify(finished, "--csv", "-", str(tmp_path)).stdout)
    assert row["path"].endswith("/\\xff.jpg") and row["status"] == "ok"


def test_images_of_any_size_and_format_are_classified_once(finished, broken, tmp_path):
    draw(tmp_path / "large.png", "circle", 5, (900, 300))
    Image.open(tmp_path / "large.png").convert("CMYK").save(tmp_path / "cmyk.tif")
    for path in (*tmp_path.iterdir(), *broken.rglob("*.jpg")):
        os.utime(path, (1e9, 1e9))  # files changed just now are read again
    time.sleep(2)
    lines = []
    for new in (2, 0):
        done = classify(finished, str(tmp_path), str(broken), "--jsonl", "-")
        lines.append(done.stdout)
        assert done.stderr.startswith(f"classify: 5 images, 2 could not be read, {new} new;")
    statuses = [json.loads(line)["status"] for line in lines[0].splitlines()]
    assert statuses == ["ok", "ok", "ok", "not_an_image", "truncated"]
    assert lines[0] == lines[1]


def test_shards_share_the_images(finished):
    shards = [
        table(classify(finished, "input/test", "--csv", "-", "--shard", f"{k}/2").stdout)
        for k in (1, 2)
    ]
    assert shards == [predictions(finished)[::2], predictions(finished)[1::2]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give an image, a folder or --from-file"),
        (["a.jpg", "--top-k", "0"], "--top-k: must be 1 or more; got 0"),
        (["a.jpg", "--csv", "-", "--json", "-"], "cannot both write to standard output"),
        (["a.jpg", "--shard", "3/2"], "must be K/N with K from 1 to N; got '3/2'"),
        (["-", "--from-file", "-"], "standard input can be an image or a list, not both"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, message, finished):
    done = classify(finished, *arguments)
    assert done.returncode == 2 and message in done.stderr


def test_without_a_classifier_the_error_says_how_to_get_one(project):
    shutil.rmtree(project.folder / "models" / "head")
    done = classify(project, "input/test")
    assert done.returncode == 1
    assert done.stderr == (
        "error: models/head/head.json: there is no trained classifier here; run `dvc repro`, "
        "or `dvc pull` to get one from the DVC remote\n"
    )


def test_a_head_of_another_network_is_refused(project):
    path = project.folder / "models" / "head" / "head.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps(info | {"fingerprint": "0" * 64}))
    done = classify(project, "input/test")
    assert done.returncode == 1 and "run `dvc repro`" in done.stderr
    assert done.stderr.startswith("error: models/head: was trained on features of another network")


def test_a_bomb_is_too_slow_and_the_others_are_classified(project, tmp_path):
    project.set("validate.decode_timeout", 1)
    bomb = tmp_path / "bomb.jpg"
    bomb.write_bytes(scan_bomb(2000, 3000))
    rows = table(classify(project, str(bomb), "input/test/0.jpg", "--csv", "-").stdout)
    assert [row["status"] for row in rows] == ["too_slow", "ok"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGPIPE])
def test_no_process_is_left_when_it_is_stopped(number, finished, tmp_path):
    (tmp_path / "bomb.jpg").write_bytes(scan_bomb(4000, 3000))
    names = [f"{finished.folder}/input/test/0.jpg"] * 2000 + [f"{tmp_path}/bomb.jpg"] * 2000
    command = [sys.executable, "-m", "classifier", "classify", "--csv", "-", *names]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=finished.folder, **pipes) as process:
        process.stdout.readline()
        workers = psutil.Process(process.pid).children(recursive=True)
        process.stdout.close() if number == signal.SIGPIPE else process.send_signal(number)
        errors = process.stderr.read().decode()
    assert process.returncode == (0 if number == signal.SIGPIPE else 130)
    assert "Traceback" not in errors and "Exception" not in errors
    assert workers and psutil.wait_procs(workers, timeout=5)[1] == []


def test_the_reader_of_its_output_may_stop_early(finished, tmp_path):
    for number in range(300):
        shutil.copy(finished.folder / "input" / "test" / "0.jpg", tmp_path / f"{number}.jpg")
    command = f"{sys.executable} -m classifier classify {tmp_path} --csv - | head -1"
    done = subprocess.run(
        command, shell=True, cwd=finished.folder, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("path,status,predicted") and "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_no_incomplete_file_is_left_when_the_reader_of_its_output_stops(finished, tmp_path):
    for number in range(300):  # more than a buffer of output
        shutil.copy(finished.folder / "input" / "test" / "0.jpg", tmp_path / f"{number}.jpg")
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"capture_output": False, "stdout": writer, "stderr": subprocess.PIPE}
    out = tmp_path.with_suffix(".json")
    done = classify(finished, str(tmp_path), "--csv", "-", "--json", str(out), **streams)
    os.close(writer)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert list(tmp_path.parent.glob(f"{out.name}*")) == []


def test_tensorflow_is_not_imported(finished):
    code = (
        "import runpy, sys; sys.argv = ['classifier', 'classify', 'input/test']\n"
        "runpy.run_module('classifier', run_name='__main__')\n"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert finished.shell(sys.executable, "-c", code).returncode == 0
