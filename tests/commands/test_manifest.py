"""`classifier manifest`, and the stages with what it lists: a shared folder, a real S3 server."""

import shutil
import subprocess
import sys
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from classifier.commands import manifest as command
from classifier.dataset import features, manifest
from tests import s3_server
from tests.project import Project, copy, draw
from tests.s3_server import needs_s3

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


@pytest.fixture
def server(tmp_path):
    """Serves a folder; yields it and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http_server:
        thread = Thread(target=http_server.serve_forever, daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{http_server.server_port}"
        http_server.shutdown()
        thread.join()


@pytest.mark.slow
def test_dvc_imports_a_list_from_an_address_and_updates_it(finished, tmp_path, server):
    project, (folder, address) = copy(finished, tmp_path / "project"), server
    expected = sorted(rows(project))
    away(project, tmp_path / "images")
    project.shell(*PROGRAM, (tmp_path / "images").as_uri(), "--out", str(folder / "images.csv"))
    project.shell("dvc", "import-url", f"{address}/images.csv", "input/images.csv")
    assert project.repro("validate") == {"validate"}
    assert sorted(rows(project)) == expected
    header, _, *others = (folder / "images.csv").read_text(encoding="utf-8").splitlines(True)
    (folder / "images.csv").write_text("".join([header, *others]), encoding="utf-8")
    assert project.repro("validate") == set()
    project.shell("dvc", "update", "input/images.csv.dvc")
    assert project.repro("validate") == {"validate"}
    assert len(rows(project)) == len(expected) - 1


def test_files_in_no_split_are_left_out_with_a_warning(tmp_path, monkeypatch):
    for name in ("train/cat/1.jpg", "train/cat/.hidden", "notes/x.jpg", "readme.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    command = [*PROGRAM, tmp_path.as_uri(), "--out", str(tmp_path / "out.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"manifest: 1 image -> {tmp_path}/out.csv\n"
    assert "3 files left out: hidden, or in no folder of a split" in done.stderr
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1 and "out.csv: exists already; choose another" in again.stderr
    subprocess.run([*command, "--force"], capture_output=True, check=True)


def test_rows_are_sorted_by_path_whatever_the_names_of_folders(tmp_path):
    names = ["a/1.jpg", "a/z/1.jpg", "a-b/1.jpg", "a.b/c/1.jpg", "a b/1.jpg", "é/1.jpg", "a.jpg"]
    for split in ("train", "test", "unlabelled"):
        for name in names:
            (tmp_path / split / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / split / name).write_bytes(b"x")
    found = command.find(tmp_path.as_uri())
    listed = [row.path for row in command.rows(tmp_path.as_uri(), found, Counter())]
    assert listed == sorted(listed) and len(listed) == 3 * len(names)


@pytest.mark.parametrize("address", ["train", "ftp://host/x", "file:///no/such/folder"])
def test_an_address_without_images_is_an_error(address):
    done = subprocess.run([*PROGRAM, address], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("error: ")


@pytest.fixture
def bucket(monkeypatch):
    with s3_server.bucket("images", monkeypatch) as storage:
        yield storage


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
    assert done.stderr.startswith(f"error: {path}: changed while `dvc repro` was running")
