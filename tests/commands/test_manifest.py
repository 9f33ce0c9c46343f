"""`classifier manifest`, and the stages with what it lists: a shared folder, a real S3 server."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from classifier.commands import manifest as manifest_command
from classifier.dataset import features, image_list, manifest
from classifier.dataset.image_list import ImageList
from tests.project import ROOT, Project, copy, draw, touch
from tests.s3_server import needs_s3
from tests.test_pipeline import TABLE

PROGRAM = (sys.executable, "-m", "classifier", "manifest")


def away(project: Project, folder):
    """Moves the images of a project out of it."""
    folder.mkdir()
    for split in ("train", "test"):
        shutil.move(project.folder / "input" / split, folder / split)


def rows(project):
    table = manifest.iter_rows(project.folder / manifest.PATH)
    return [(row.split, row.label, row.sha256) for row in table]


def read_features(project):
    table = features.read(project.folder / features.TRAIN)
    return dict(zip(features.hex_hashes(table.sha256[:]), table.features[:].tolist(), strict=True))


@pytest.mark.slow
def test_images_of_a_shared_folder_are_validated_as_if_they_were_here(finished, tmp_path):
    project = copy(finished, tmp_path / "project")
    expected, images = rows(project), tmp_path / "images"
    away(project, images)
    project.shell(*PROGRAM, images.as_uri())
    done = project.stage("validate")
    assert "18 train, 0 validation and 3 test images of 3 classes" in done.stdout, done.stderr
    assert sorted(rows(project)) == sorted(expected)
    draw(images / "test" / "0.jpg", "cross", 77)
    project.shell(*PROGRAM, images.as_uri(), "--force")
    draw(images / "test" / "0.jpg", "cross", 78)
    done = project.stage("validate")
    assert "1 skipped: input/file/" in done.stdout and "(unreadable)" in done.stdout
    problems = (project.folder / "results" / "problems.csv").read_text(encoding="utf-8")
    assert "changed since the list of images was made; make it again" in problems
    assert len(rows(project)) == len(expected) - 1


def listed_at(project: Project, place: str, out) -> list:
    """Lists the images away from a project as its dataset; returns the rows that it had before."""
    before, images = sorted(rows(project)), out.parent / "images"
    away(project, images)
    project.shell(*PROGRAM, images.as_uri(), "--out", str(out))
    project.set("dataset.source", place)
    return before


def drop_first_image(csv):
    header, _, *others = csv.read_text(encoding="utf-8").splitlines(True)
    csv.write_text("".join([header, *others]), encoding="utf-8")


@pytest.mark.slow
def test_a_list_outside_input_is_the_dataset(finished, tmp_path):
    project = copy(finished, tmp_path / "project")
    expected = listed_at(project, "lists/images.csv", tmp_path / "images.csv")
    (project.folder / "lists").mkdir()
    shutil.move(tmp_path / "images.csv", project.folder / "lists")
    assert project.repro() == set(TABLE["dataset.source"][1])
    assert sorted(rows(project)) == expected
    draw(project.folder / "input" / "train" / "cat" / "1.jpg", "cross", 1)  # is not read
    assert project.repro() == set()


@pytest.mark.slow
def test_a_new_list_on_a_server_is_noticed(finished, tmp_path, server):
    project, (folder, address) = copy(finished, tmp_path / "project"), server
    expected = listed_at(project, f"{address}/images.csv", folder / "images.csv")
    assert project.repro("validate") == {"validate"}
    assert sorted(rows(project)) == expected
    assert project.repro("validate") == set()
    drop_first_image(folder / "images.csv")
    assert project.repro("validate") == {"validate"}
    assert len(rows(project)) == len(expected) - 1
    assert not list((project.folder / "results").glob("*.part"))


def test_files_in_no_split_are_left_out_with_a_warning(tmp_path, monkeypatch):
    for name in ("train/cat/1.jpg", "train/cat/.hidden", "notes/x.jpg", "readme.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    command = [*PROGRAM, tmp_path.as_uri(), "--out", str(tmp_path / "out.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    hint = f"; to use it, set dataset.source: {tmp_path}/out.csv in params.yaml"
    assert done.stdout == f"manifest: 1 image -> {tmp_path}/out.csv{hint}\n"
    assert "3 files or folders left out: hidden, a linked folder, in no" in done.stderr
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1 and "out.csv: exists already; choose another" in again.stderr
    subprocess.run([*command, "--force"], capture_output=True, check=True)


def test_an_error_in_the_middle_leaves_the_list_that_was_there(tmp_path, server):
    (folder, address), out = server, tmp_path / "out.csv"
    touch(folder, "train/a/1.jpg", "train/refused/1.jpg")
    out.write_text("before")
    done = subprocess.run(
        [*PROGRAM, address, "--out", str(out), "--force"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "cannot be listed" in done.stderr
    assert out.read_text() == "before" and list(tmp_path.glob("out*")) == [out]


def test_the_list_must_not_be_among_the_images(tmp_path):
    touch(tmp_path, "train/a/1.jpg")
    command = [*PROGRAM, tmp_path.as_uri(), "--out", str(tmp_path / "train" / "list.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: --out: must not be in a folder of images; got ")


def test_a_list_is_written_as_parquet_where_it_is_named_so(tmp_path):
    pytest.importorskip("pyarrow")
    touch(tmp_path, "train/a/1.jpg", "test/2.jpg")
    out = tmp_path / "images.parquet"
    command = [*PROGRAM, tmp_path.as_uri(), "--out", str(out)]
    subprocess.run(command, capture_output=True, check=True)
    found = image_list.iter_files(ImageList(out, "images.parquet"))
    assert [(one.path.name, one.split, one.folder) for one in found] == [
        ("2.jpg", "test", ""),
        ("1.jpg", "train", "a"),
    ]


def test_the_list_is_not_written_to_a_web_server(tmp_path):
    command = [*PROGRAM, tmp_path.as_uri(), "--out", "http://127.0.0.1:9/images.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("error: --out: must be a file here or in object storage; got ")


@pytest.mark.parametrize(
    ("out", "address", "expected"),
    [
        ("s3://b/flowers/train/list.csv", "s3://b/flowers", True),
        ("s3://b/flowers/list.csv", "s3://b/flowers", False),
        ("azure://b/x/test/list.csv", "abfs://b/x", True),
    ],
)
def test_a_list_in_object_storage_may_not_be_among_the_images(out, address, expected):
    assert manifest_command.is_inside(out, address) == expected


def test_another_source_in_params_is_told(inside, set_param):
    touch(inside / "images", "train/a/1.jpg")
    command = [*PROGRAM, (inside / "images").as_uri()]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}

    def told():
        force = [*command, "--force"]
        done = subprocess.run(force, env=env, capture_output=True, text=True, check=True)
        return done.stdout.partition("; ")[2]

    assert told() == ""
    set_param("dataset.source", "lists/other.csv")
    assert told() == "to use it, set dataset.source: input in params.yaml\n"
    command += ["--out", "./lists/other.csv"]
    assert told() == ""


def test_what_must_move_out_of_input_is_told(inside):
    touch(inside / "images", "train/a/1.jpg")
    touch(inside / "input", "train/a/1.jpg", "labels.csv")
    command = [*PROGRAM, (inside / "images").as_uri()]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("; to use it, move input/train, input/labels.csv out of input/\n")


@pytest.mark.parametrize("out", ["images.txt", "az://box/images.csv", "~/images.csv"])
def test_a_list_of_another_name_is_an_error(out, tmp_path):
    command = [*PROGRAM, tmp_path.as_uri(), "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: --out: must be a list of images, .csv or .parquet, on")


@pytest.mark.parametrize("address", ["train", "ftp://host/x", "file:///no/such/folder"])
def test_an_address_without_images_is_an_error(address):
    done = subprocess.run([*PROGRAM, address], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("error: ")


@pytest.mark.slow
@needs_s3
@pytest.mark.skipif(not find_spec("dvc_s3"), reason="needs dvc-s3")
def test_a_list_in_object_storage_is_the_dataset(finished, tmp_path, bucket):
    project, place = copy(finished, tmp_path / "project"), "s3://images/set/images.csv"
    expected = sorted(rows(project))
    away(project, tmp_path / "images")
    bucket.put(f"{tmp_path}/images/", "images/set/", recursive=True)
    project.shell(*PROGRAM, "s3://images/set", "--out", place)
    again = project.shell(*PROGRAM, "s3://images/set", "--out", place, ok=False)
    assert f"{place}: exists already" in again.stderr
    project.set("dataset.source", place)
    assert project.repro() == TABLE["dataset.source"][1]
    assert sorted(rows(project)) == expected
    assert project.repro() == set()
    bucket.rm_file("images/set/test/0.jpg")
    project.shell(*PROGRAM, "s3://images/set", "--out", place, "--force")
    assert project.repro("validate") == {"validate"}
    assert len(rows(project)) == len(expected) - 1


@pytest.mark.slow
@needs_s3
def test_images_in_object_storage_give_the_same_features(finished, tmp_path, bucket):
    project = copy(finished, tmp_path / "project")
    expected = sorted(rows(project)), read_features(project)
    away(project, tmp_path / "images")
    bucket.put(f"{tmp_path}/images/", "images/set/", recursive=True)
    shutil.rmtree(tmp_path / "images")
    project.shell(*PROGRAM, "s3://images/set")
    assert project.repro("extract") == {"validate", "extract"}
    assert (sorted(rows(project)), read_features(project)) == expected
    assert project.repro("extract") == set()
    project.set("extract.tta_views", 2)
    bucket.pipe_file("images/set/test/0.jpg", b"other bytes")
    done = project.stage("extract")
    path = "input/s3/images/set/test/0.jpg"
    assert done.stderr.startswith(f"error: {path}: must be as `validate` has read it; got ")
