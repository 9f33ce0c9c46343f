import csv
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import PROGRAM, Browser
from tests.project import Project, copy

pytest.importorskip("flask")
pytest.importorskip("waitress")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(finished, tmp_path_factory) -> Project:
    return copy(finished, tmp_path_factory.mktemp("app") / "project")


def started(project: Project, *options: str) -> tuple[subprocess.Popen, str]:
    command = [sys.executable, "-m", "classifier", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, cwd=project.folder, stdout=subprocess.PIPE, text=True)
    said = process.stdout.readline()
    return process, re.match(r"app: (http://127\.0\.0\.1:\d+) \(Ctrl-C stops it\)", said)[1]


@pytest.fixture(scope="module")
def address(project) -> Iterator[str]:
    process, found = started(project, "--max-megabytes", "1")
    yield found
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    process.stdout.close()


def sent(address: str, *files: tuple[str, bytes], **headers: str) -> str:
    """Posts files as a browser's form does it."""
    parts = b"".join(
        f'--x\r\nContent-Disposition: form-data; name="images"; filename="{name}"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in files
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"} | headers
    request = urllib.request.Request(address, parts + b"--x--\r\n", headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def predicted(project: Project) -> dict[str, tuple[str, str]]:
    """Returns class and probability, as the page says it, of the test images."""
    with (project.folder / "results" / "predictions.csv").open() as file:
        return {
            row["path"]: (row["predicted"], f"{100 * float(row['probability']):.1f} %")
            for row in csv.DictReader(file)
        }


def test_answers_are_the_pipelines(project, address):
    for path, (name, share) in predicted(project).items():
        page = sent(f"{address}/answers", (Path(path).name, (project.folder / path).read_bytes()))
        first = re.search(r"<li><span>(.*?)</span> <span>(.*?)</span>", page)
        assert (first[1], first[2]) == (name, share)


def test_a_training_image_looks_most_like_itself(project, address):
    path = "input/train/cross/3.jpg"
    page = sent(f"{address}/answers", ("a.jpg", (project.folder / path).read_bytes()))
    like = re.findall(r'<figure title="(.*?)"><img src="data:image/webp', page)
    assert len(like) == 6
    assert like[0] == path


def test_it_works_without_a_script_and_says_what_cannot_be_read(project, address):
    good = (project.folder / "input/test/0.jpg").read_bytes()
    page = sent(f"{address}/", ("<b>.jpg", b"<html>"), ("good.jpg", good))
    assert page.startswith("<!doctype html>")
    assert "&lt;b&gt;.jpg</strong> cannot be read: the content is none of JPEG" in page
    assert page.count("<article") == 2
    assert page.count("<ol>") == 1


def test_what_is_too_large_is_refused_with_the_limit(address):
    with pytest.raises(urllib.error.HTTPError) as refused:
        sent(f"{address}/answers", ("large.jpg", bytes(1_500_000)))
    assert refused.value.code == 413
    assert refused.value.read() == b"more than 1 MB; --max-megabytes is the limit"
    refused.value.close()


def test_other_names_of_this_machine_are_not_answered(address):
    with pytest.raises(urllib.error.HTTPError) as refused:
        sent(f"{address}/answers", Host="evil.example")
    assert refused.value.code == 400
    refused.value.close()


def test_a_port_in_use_is_named_with_its_remedy(project):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = project.shell(sys.executable, "-m", "classifier", "serve", "--port", port, ok=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: 127.0.0.1:{port}: cannot listen there (")
    assert "choose another --port" in done.stderr


def test_without_features_it_says_that_nothing_similar_is_shown(project, tmp_path):
    alone = copy(project, tmp_path / "alone")
    (alone.folder / "results" / "train.npz").unlink()
    process, address = started(alone)
    with urllib.request.urlopen(address) as answer:
        page = answer.read().decode()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert "results/features_train.npz is not there, so similar images are not shown" in page


def test_without_a_classifier_it_says_how_to_get_one(project, tmp_path):
    empty = copy(project, tmp_path / "empty")
    shutil.rmtree(empty.folder / "models" / "head")
    done = empty.stage("app")
    assert done.returncode == 1
    assert "there is no trained classifier here; run `dvc repro`" in done.stderr


@pytest.mark.skipif(not PROGRAM, reason="no Chromium to open the page with")
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_sends_images_and_asks_nothing_of_anyone_else(width, project, address, tmp_path):
    browser = Browser(tmp_path / "browser", width)
    try:
        browser.open(f"{address}/")
        wrong = tmp_path / "not an image.jpg"
        wrong.write_text("<html>")
        tests = sorted((project.folder / "input" / "test").glob("*.jpg"))
        browser.choose("#images", [*tests, wrong])
        browser.wait(f"document.querySelectorAll('article').length == {len(tests) + 1}")
        large = tmp_path / "large.jpg"
        large.write_bytes(bytes(3_000_000))
        browser.choose("#images", [large])
        browser.wait(
            "document.querySelector('article').textContent.startsWith('large.jpg is larger')"
        )
        assert browser.value(
            "document.querySelectorAll('.unread')[1].textContent.startsWith('not a')"
        )
        assert browser.value("[...document.images].every(one => one.naturalWidth > 0)")
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        asked = [url for url in browser.concurrency if not url.startswith("data:")]
        assert asked and all(url.startswith(f"{address}/") for url in asked)
        assert browser.faults == []
    finally:
        browser.close()
