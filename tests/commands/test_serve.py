import csv
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.browser import PROGRAM, Browser
from tests.hostile import scan_bomb
from tests.project import Project, copy

pytest.importorskip("flask")
pytest.importorskip("waitress")
pytestmark = pytest.mark.slow
LINE = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ \S"


@pytest.fixture(scope="module")
def project(finished, tmp_path_factory) -> Project:
    project = copy(finished, tmp_path_factory.mktemp("serve") / "project")
    project.set("validate.decode_timeout", 3)
    return project


def start(project: Project, *options: str) -> tuple[subprocess.Popen, str]:
    command = [sys.executable, "-m", "classifier", "serve", "--port", "0", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=project.folder, **pipes)
    line = process.stdout.readline()
    return process, re.match(r"serve: (http://127\.0\.0\.1:\d+) \(press Ctrl-C", line)[1]


@pytest.fixture(scope="module")
def address(project) -> Iterator[str]:
    process, address = start(project, "--max-megabytes", "1", "--max-megapixels", "6.5")
    yield address
    end(process)


def end(process: subprocess.Popen) -> list[str]:
    """Ends the page with Ctrl-C, which leaves no process; returns the lines of its requests."""
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    *lines, last = errors.splitlines()
    assert (process.returncode, last) == (
        130,
        "interrupted; run `python -m classifier serve` again",
    )
    assert psutil.wait_procs(workers, timeout=5)[1] == []
    assert [line for line in lines if not re.match(LINE, line)] == []
    return lines


def refusal(address: str, *files: tuple[str, bytes], **headers: str) -> tuple[int, str]:
    """Returns the status of a request that is refused, and the text."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        upload(address, *files, **headers)
    with refused.value as answer:
        return answer.code, answer.read().decode()


def upload(address: str, *files: tuple[str, bytes], **headers: str) -> str:
    """Posts files as the form of a browser does."""
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
    """Returns the class and the probability of each test image as the page shows them."""
    with (project.folder / "results" / "predictions.csv").open() as file:
        return {
            row["path"]: (row["class_1"], f"{100 * float(row['probability']):.1f} %")
            for row in csv.DictReader(file)
        }


def test_predictions_are_those_of_the_pipeline(project, address):
    for path, (name, share) in predicted(project).items():
        page = upload(f"{address}/cards", (Path(path).name, (project.folder / path).read_bytes()))
        first = re.search(r"<li><span>(.*?)</span> <span>(.*?)</span>", page)
        assert (first[1], first[2]) == (name, share)


def classified(address: str, *files: tuple[str, bytes]) -> list[dict]:
    return json.loads(upload(f"{address}/classify", *files))


def post(address: str, data: bytes, kind: str) -> tuple[int, object, str]:
    """Returns status, content and Retry-After of the answer to a bare image."""
    request = urllib.request.Request(address, data, {"Content-Type": kind})
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        content = answer.read().decode()
        kind = answer.headers.get_content_type()
        parsed = json.loads(content) if kind == "application/json" else content
        return answer.status, parsed, answer.headers.get("Retry-After", "")


def test_the_json_is_that_of_classify(project, address):
    command = [sys.executable, "-m", "classifier", "classify", "input/test", "--json", "-"]
    expected = json.loads(project.shell(*command).stdout)
    files = [(item["path"], (project.folder / item["path"]).read_bytes()) for item in expected]
    assert classified(address, *files) == expected
    _, items, _ = post(f"{address}/classify?top_k=1", files[0][1], "image/jpeg")
    best = next(iter(expected[0]["probabilities"].items()))
    assert (items[0]["path"], items[0]["probabilities"]) == ("-", dict([best]))


def test_the_status_of_json_tells_why_there_is_no_prediction(project, address):
    good = (project.folder / "input/test/0.jpg").read_bytes()
    large = io.BytesIO()
    Image.new("1", (2600, 2600)).save(large, "PNG")
    images = {b"<html>": 415, good[:1000]: 422, b"\0": 415, large.getvalue(): 413}
    for data, status in images.items():
        answer = post(f"{address}/classify", data, "application/octet-stream")
        assert answer[0] == status and answer[1][0]["detail"]
    mixed = classified(address, ("a", b"<html>"), ("b", good))
    assert [item["status"] for item in mixed] == ["not_an_image", "ok"]
    assert post(f"{address}/classify", good, "text/plain")[0] == 415
    assert post(f"{address}/classify?top_k=0", good, "image/jpeg")[0] == 400


def test_metrics_count_requests_and_images(project, address):
    good = ("good.jpg", (project.folder / "input/test/0.jpg").read_bytes())
    counts = []
    for _ in range(2):
        (item,) = classified(address, good)
        text = urllib.request.urlopen(f"{address}/metrics").read().decode()
        names = (
            'predictions_total{predicted="' + item["predicted"] + '"}',
            'images_total{status="ok"}',
        )
        counts.append([int(text.split(f"classifier_{name} ")[1].split()[0]) for name in names])
    assert counts[1] == [number + 1 for number in counts[0]]
    health = json.loads(urllib.request.urlopen(f"{address}/healthz").read())
    assert health == {"status": "ok", "classes": 3}
    document = json.loads(urllib.request.urlopen(f"{address}/openapi.json").read())
    assert list(document["paths"]) == ["/classify", "/healthz", "/metrics"]
    assert "<h2>POST /classify</h2>" in urllib.request.urlopen(f"{address}/docs").read().decode()


def test_a_training_image_is_most_similar_to_itself(project, address):
    path = "input/train/cross/3.jpg"
    page = upload(f"{address}/cards", ("a.jpg", (project.folder / path).read_bytes()))
    similar = re.findall(r'<figure title="(.*?)"><img src="data:image/webp', page)
    assert len(similar) == 6
    assert similar[0] == path


def test_it_works_without_a_script_and_says_why_a_file_cannot_be_read(project, address):
    good = (project.folder / "input/test/0.jpg").read_bytes()
    page = upload(f"{address}/", ("<b>.jpg", b"<html>"), ("good.jpg", good))
    assert page.startswith("<!doctype html>")
    assert "&lt;b&gt;.jpg</strong> cannot be read: the content is none of JPEG" in page
    assert page.count("<article") == 2
    assert page.count("<ol>") == 1


def test_an_upload_that_is_too_large_is_refused_with_the_limit(address):
    for size in (1_500_000, 20_000_000):
        refused = refusal(f"{address}/cards", ("large.jpg", bytes(size)))
        assert refused == (413, "more than 1 MB; --max-megabytes sets the limit")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 400),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_requests_for_other_hosts_and_of_other_sites_are_refused(headers, status, address):
    assert refusal(f"{address}/cards", ("a.jpg", b""), **headers)[0] == status


def test_a_request_without_images_or_with_too_many_is_refused(address):
    for path in ("cards", "classify"):
        refused = refusal(f"{address}/{path}")
        assert refused == (400, "no image in the field `images` of a form")
    many = refusal(f"{address}/", *[("a.jpg", b"")] * 1001)
    assert many == (413, "more than 1,000 files, or a long text; send fewer at once")


def test_a_bomb_does_not_hold_up_others(project, address):
    answers = []
    bomb = ("bomb.jpg", scan_bomb(2000, 3000))
    thread = threading.Thread(target=lambda: answers.append(upload(f"{address}/cards", bomb)))
    thread.start()
    good = ("good.jpg", (project.folder / "input/test/0.jpg").read_bytes())
    for _ in range(10):
        assert "<ol>" in upload(f"{address}/cards", good)
    assert answers == []
    thread.join()
    assert "bomb.jpg</strong> cannot be read: took more than 3 seconds" in answers[0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM")
def test_sigterm_answers_what_has_arrived_and_a_full_queue_refuses(project):
    process, address = start(project, "--concurrency", "1", "--queue", "0", "--max-seconds", "1")
    answers, bomb = [], scan_bomb(2000, 3000)
    send = lambda: answers.append(post(f"{address}/classify", bomb, "image/jpeg"))  # noqa: E731
    thread = threading.Thread(target=send)
    thread.start()
    while (
        "classifier_open_requests 1"
        not in urllib.request.urlopen(f"{address}/metrics").read().decode()
    ):
        time.sleep(0.05)
    refused = post(f"{address}/classify", b"", "image/jpeg")
    assert refused == (503, "too many requests are waiting; try later", "1")
    process.terminate()
    thread.join()
    assert (answers[0][0], answers[0][1][0]["status"]) == (422, "too_slow")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0 and "Traceback" not in errors
    assert re.search(r"127\.0\.0\.1 POST /classify 422 1 image \d+ ms$", errors, re.M)


def test_the_page_goes_on_while_its_model_is_replaced(project, tmp_path):
    other = copy(project, tmp_path / "other")
    image = ("good.jpg", (project.folder / "input/test/0.jpg").read_bytes())
    process, address = start(other)
    before = upload(f"{address}/cards", image)
    for path in ("models/base", "models/head"):
        shutil.rmtree(other.folder / path)
    features = other.folder / "results" / "features_train" / "part-000.npz"
    features.write_bytes(features.read_bytes()[:1000])
    for _ in range(2):  # a change is believed once it lasts
        assert upload(f"{address}/cards", image) == before
        time.sleep(1.1)
    while "cannot be loaded" not in (page := urllib.request.urlopen(address).read().decode()):
        time.sleep(0.1)
    assert "there is no trained classifier here" in page
    for path in ("models/base", "models/head"):
        copy(Project(project.folder / path), other.folder / path)
    while "the model has changed" in (page := urllib.request.urlopen(address).read().decode()):
        time.sleep(0.1)
    assert (
        "Similar images are not shown: results/features_train cannot be read, or is not of" in page
    )
    assert re.search("<ol>.*?</ol>", upload(f"{address}/cards", image))[0] in before
    assert any(
        line.endswith("the model has changed; the new one is loaded") for line in end(process)
    )


def test_a_port_in_use_is_an_error_that_names_it(project):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = project.shell(sys.executable, "-m", "classifier", "serve", "--port", port, ok=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: 127.0.0.1:{port}: cannot listen there (")
    assert "choose another --port" in done.stderr


def test_without_a_classifier_the_error_says_how_to_get_one(project, tmp_path):
    empty = copy(project, tmp_path / "empty")
    shutil.rmtree(empty.folder / "models" / "head")
    done = empty.shell(sys.executable, "-m", "classifier", "serve", ok=False)
    assert done.returncode == 1
    assert "there is no trained classifier here; run `dvc repro`" in done.stderr


@pytest.mark.skipif(not PROGRAM, reason="no Chromium to open the page with")
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_results_and_sends_no_request_elsewhere(width, project, address, tmp_path):
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
            "document.querySelectorAll('.problem')[1].textContent.startsWith('not a')"
        )
        assert not browser.value("document.querySelector('.heat')")
        browser.value("document.querySelector('.show-why').click()")
        browser.choose("#images", tests[:1])
        browser.wait("document.querySelector('article .heat')?.naturalWidth > 0")
        assert browser.value("[...document.images].every(image => image.naturalWidth > 0)")
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        requests = [url for url in browser.requests if not url.startswith("data:")]
        assert requests and all(url.startswith(f"{address}/") for url in requests)
        assert browser.errors == []
    finally:
        browser.close()
