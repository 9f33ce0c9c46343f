import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from classifier.commands import label
from classifier.common.errors import StageError
from classifier.dataset import label_list
from tests.browser import PROGRAM, Browser
from tests.project import COLOURS, copy, draw, touch

pytest.importorskip("flask")
pytest.importorskip("waitress")
pytestmark = pytest.mark.slow
N = 12


@pytest.fixture(scope="module")
def project(finished, tmp_path_factory):
    project = copy(finished, tmp_path_factory.mktemp("label") / "project")
    for number in range(N):
        shape = list(COLOURS)[number % 3]
        draw(project.folder / "input" / "unlabelled" / f"{number:02}.jpg", shape, 500 + number)
    (project.folder / "input" / "unlabelled" / "broken.jpg").write_bytes(b"no image")
    return project


@pytest.fixture(scope="module")
def address(project):
    command = [sys.executable, "-m", "classifier", "label", "--port", "0", "--by", "ann"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=project.folder, **pipes)
    line = process.stdout.readline()
    images = rf"label: {18 + N} images, 18 labelled, {N} new through the network -> "
    yield re.match(images + r"(http://127\.0\.0\.1:\d+) ", line)[1]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert errors.splitlines() == [
        "warning: 1 file cannot be read; `dvc repro` names them",
        "interrupted; run `python -m classifier label` again",
    ]


def ask(address: str, body: object = None, **headers: str) -> tuple[int, object]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | headers
    request = urllib.request.Request(address, data, headers)
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        content = answer.read()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(content) if is_json else content


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/label", {"images": [0]}, 400),
        ("/label", {"images": ["0"], "label": "a"}, 400),
        ("/label", {"images": [True], "label": "a"}, 400),
        ("/label", {"images": [99], "label": "a"}, 400),
        ("/label", {"images": [0], "label": "../a"}, 400),
        ("/label", [], 400),
        ("/split", {"images": [0]}, 400),
        ("/images/small/99", None, 404),
        ("/images/other/0", None, 404),
        ("/next/other", None, 404),
    ],
)
def test_a_wrong_request_is_refused(address, path, body, status):
    assert ask(address + path, body)[0] == status


def test_another_site_can_neither_write_nor_read(address):
    body = {"images": [20], "label": "a"}
    assert ask(f"{address}/label", body, **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert ask(f"{address}/label", body, Origin="http://example.org")[0] == 403
    assert ask(f"{address}/status", Host="example.org")[0] == 400
    with urllib.request.urlopen(f"{address}/images/large/0") as answer:
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Content-Type"] == "image/webp"


@pytest.mark.skipif(not PROGRAM, reason="no Chromium")
def test_images_are_labelled_with_keys_and_dvc_repro_trains_on_them(
    project, address, tmp_path, monkeypatch
):
    browser = Browser(tmp_path / "browser", 400)
    key = "document.dispatchEvent(new KeyboardEvent('keydown', {key: '%s'}))"
    shown = "document.getElementById('numbers').textContent.startsWith('%d of')"
    try:
        browser.open(f"{address}/")
        browser.wait(shown % 18)
        browser.value("document.getElementById('tab-image').click()")
        browser.wait("document.querySelectorAll('#images.single img').length == 1")
        browser.value(key % "1")
        browser.wait(shown % 19)
        browser.value(key % "u")
        browser.wait(shown % 18)
        browser.value(key % "x")
        browser.wait("!document.querySelector('#actions button:last-child').disabled")
        browser.value(key % "n")
        browser.value("document.getElementById('name').value = 'star'")
        browser.value("document.querySelector('#naming [type=submit]').click()")
        browser.wait(shown % 19)
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        assert browser.errors == []
    finally:
        browser.close()
    monkeypatch.chdir(project.folder)
    rows = label_list.read()
    assert sorted((row.label, row.split) for row in rows.values()) == [("", "none"), ("star", "")]
    assert {row.when[:2] for row in rows.values()} == {"20"}
    done = project.stage("validate")
    rule = "class star: needs 2 or more different usable images; got 1: label more of it"
    assert f"error: input/labels.csv, {rule}" in done.stderr
    places = [image["id"] for image in ask(f"{address}/next/image?who=b")[1]["item"]["images"]]
    assert ask(f"{address}/label", {"who": "b", "images": places, "label": "star"})[0] == 200
    assert project.stage("validate").stdout.startswith("validate: 20 train, 0 validation and 3 ")
    done = project.shell(
        sys.executable, "-m", "classifier", "label", "--to-folders", "out", "--copy"
    )
    assert done.stdout == "label: 20 copies -> out\n"


@pytest.mark.parametrize("source", ["input", "s3://bucket/flowers.csv"])
def test_images_elsewhere_cannot_be_labelled(source, inside, set_param, monkeypatch):
    name = "input/images.csv" if source == "input" else source
    touch(inside, "input/images.csv")
    set_param("dataset.source", source)
    monkeypatch.setattr(sys, "argv", ["label"])
    with pytest.raises(StageError, match=f"^{name}: images elsewhere cannot be labelled"):
        label.main()
