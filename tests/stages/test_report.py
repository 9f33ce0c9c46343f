import json
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser

import pytest

from classifier.dataset.findings import Finding
from classifier.dataset.manifest import ImageRow
from classifier.dataset.problems import Problem
from classifier.inference.base import BaseInfo
from stages.report import page, run_results, selection
from stages.report.run_results import RunResults, ScoredImage
from tests.project import Project, copy

EVIL = "<script>alert(1)</script>\"'&</script>"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
needs_browser = pytest.mark.skipif(not BROWSER, reason="no Chromium to open the page with")


class Parsed(HTMLParser):
    """The elements and the words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.words, self.attributes, self._within = Counter(), [], [], ""
        self.feed(text)

    def handle_starttag(self, name, attributes):
        self.tags[name] += 1
        self.attributes += [(name, *pair) for pair in attributes]
        self._within = name

    def handle_data(self, text):
        if self._within not in ("script", "style"):
            self.words.append(text)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def some_facts(names=("ant", "bee"), count=40, **changes) -> RunResults:
    """Returns what a run with a labelled test set would leave."""
    judged = [
        ScoredImage(
            f"input/test/{names[n % len(names)]}/{n}.jpg", names[n % len(names)], guess, 0.9, own
        )
        for n in range(count)
        for guess, own in [(names[(n + (n % 7 == 0)) % len(names)], 0.1 if n % 7 == 0 else 0.9)]
    ]
    scores = {"accuracy": 0.85, "accuracy_low": 0.7, "accuracy_high": 0.93, "log_loss": 0.4}
    scores |= {"macro_f1": 0.8, "top_3_accuracy": 1.0, "expected_calibration_error": 0.05}
    values = {
        "class_names": tuple(names),
        "base": BaseInfo(
            "mixed10", "avg", 299, 299, (2048,), "float32", "openvino", "int8", "imagenet"
        ),
        "metrics": {"weights": "imagenet", "test": {**scores, "n": count}},
        "dataset": {"train": 200},
        "counts": {name: Counter(train=100, test=count // 2) for name in names},
        "samples": {},
        "problems": [],
        "findings": [],
        "history": {
            "loss": [1.0, 0.5],
            "accuracy": [0.5, 0.9],
            "val_loss": [0.9, 0.6],
            "val_accuracy": [0.6, 0.8],
        },
        "judged": {"test": judged},
        "classes": [
            {
                "class": name,
                "images": "20",
                "recall": "0.8500",
                "recall_low": "0.6400",
                "recall_high": "0.9500",
                "precision": "",
                "f1": "0.8100",
            }
            for name in names
        ],
        "calibration": [(0.55, 0.5, 10), (0.92, 1.0, 30)],
        "predictions": [
            {"path": one.path, "status": "ok", "predicted": one.predicted, "probability": "0.9"}
            for one in judged
        ],
        "params": {"train": {"units": 1024}},
        "versions": {"keras": "3"},
    }
    return RunResults(**values | changes)


def test_the_headline_is_the_interval_of_the_scores():
    text = Parsed(page.page(some_facts(), {}, {})).text
    assert "Of 100 new images like these, expect 70 to 93 to be named rightly." in text
    assert "Measured on 40 test images that it did not learn from: 34 were named rightly" in text


def test_scores_of_a_class_come_with_their_interval():
    text = Parsed(page.page(some_facts(), {}, {})).text
    assert "ant 20 0.85 (0.64 to 0.95) - 0.81" in text


def test_random_weights_are_said_loudly():
    base = BaseInfo("mixed10", "avg", 299, 299, (2048,), "float32", "openvino", "int8", "random")
    seen = Parsed(page.page(some_facts(base=base), {}, {}))
    assert ("p", "role", "alert") in seen.attributes and "The weights are random" in seen.text
    assert ("p", "role", "alert") not in Parsed(page.page(some_facts(), {}, {})).attributes


def test_leaks_are_told_beside_the_scores():
    leak = Finding(
        "input/test/ant/0.jpg", "ant", "in_train_and_test", 1.0, "", "input/train/x", "d"
    )
    text = Parsed(page.page(some_facts(findings=[leak]), {}, {})).text
    assert "1 of them are also among the training images" in text


def test_hostile_names_stay_text():
    names = (EVIL, "bee")
    faults = [Problem(f"input/train/{EVIL}", "truncated", EVIL, "skipped")]
    found = [Finding(EVIL, EVIL, "outlier", 4.0, "", "", EVIL)]
    hostile = some_facts(names, problems=faults, findings=found, params={EVIL: {EVIL: EVIL}})
    plain, seen = (Parsed(page.page(one, {}, {})) for one in (some_facts(), hostile))
    assert seen.tags["script"] == plain.tags["script"] == 5
    assert seen.text.count("<script>alert(1)</script>") > 10
    assert not [one for one in seen.attributes if one[1].startswith("on")]


def test_images_are_embedded_once_and_the_script_has_the_others():
    rows = {
        one.path: ImageRow(one.path, "test", one.label, "0" * 64, 100, 50, "JPEG")
        for one in some_facts().judged["test"]
    }
    thumbs = {path: f"data:image/webp;base64,{place:04}" for place, path in enumerate(rows)}
    text = page.page(some_facts(), thumbs, rows)
    assert all(text.count(uri) == 1 for uri in thumbs.values())


def test_what_matters_most_has_images_first():
    wanted = selection.wanted(some_facts())
    wrong = [one.path for one in some_facts().judged["test"] if one.predicted != one.label]
    assert set(wanted[: len(wrong)]) == set(wrong) and len(wanted) == len(set(wanted)) == 40


@pytest.mark.parametrize("classes", [2, 40, 150])
def test_any_number_of_classes_has_its_confusions(classes):
    names = [f"class {number:03}" for number in range(classes)]
    made = some_facts(names, 1500)
    seen = Parsed(page.page(made, {}, {}))
    buttons = {
        value for name, key, value in seen.attributes if (name, key) == ("button", "data-pair")
    }
    pairs = {(names.index(one.label), names.index(one.predicted)) for one in made.judged["test"]}
    shown = {tuple(map(int, pair.split(","))) for pair in buttons}
    assert shown == pairs if classes <= 120 else 0 < len(shown) == 20 and shown <= pairs


def test_a_report_of_twenty_thousand_test_images_stays_small():
    made = some_facts([f"class {number:03}" for number in range(100)], 20_000)
    assert len(page.page(made, {}, {}).encode()) < 4_000_000  # and 6 of thumbnails at most


def test_nothing_to_predict_and_nothing_wrong_is_said():
    right = [ScoredImage("input/test/ant/1.jpg", "ant", "ant", 0.99, 0.99)]
    text = Parsed(page.page(some_facts(judged={"test": right}, predictions=[]), {}, {})).text
    for sentence in (
        "There were no images in input/test.",
        "It made no mistake on these images.",
        "None was taken for another class.",
        "No file had a problem.",
    ):
        assert sentence in text


def test_the_page_asks_no_network_for_anything():
    text = page.page(some_facts(), {}, {})
    assert ("meta", "content", page.POLICY) in Parsed(text).attributes
    assert not re.search(r"https?://|url\(|@import|<link|src=\"(?!data:)", text)


def test_curves_and_samples_are_read_as_they_were_written(finished):
    results = finished.folder / "results"
    assert list(run_results.history(results / "history.csv")) == [
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
    ]
    counts, samples = run_results.images(results / "images.csv")
    assert counts["circle"] == Counter(train=6) and counts[""] == Counter(test=3)
    assert [row.sha256 for row in samples["circle"]] == sorted(
        row.sha256 for row in samples["circle"]
    )


@pytest.mark.slow
def test_the_report_is_the_same_bytes_again_and_says_what_was_scored(finished, tmp_path):
    project = copy(finished, tmp_path / "project")
    before = (project.folder / "results" / "report.html").read_bytes()
    assert project.stage("report").returncode == 0
    assert (project.folder / "results" / "report.html").read_bytes() == before
    part = json.loads((project.folder / "results" / "metrics.json").read_text())["validation"]
    low, high = (round(100 * part[f"accuracy_{end}"]) for end in ("low", "high"))
    assert f"expect {low} to {high} to be named rightly." in Parsed(before.decode()).text


@pytest.mark.slow
def test_a_image_that_vanished_is_named(finished, tmp_path):
    project = copy(finished, tmp_path / "project")
    (project.folder / "input" / "test" / "0.jpg").unlink()
    done = project.stage("report")
    assert done.returncode == 1
    assert done.stderr == (
        "error: input/test/0.jpg: changed while `dvc repro` was running; run it again\n"
    )


DRIVER = """
<script>
const faults = [];
addEventListener("error", (event) => faults.push(event.message));
addEventListener("securitypolicyviolation", (event) => faults.push(event.blockedURI));
addEventListener("load", () => {
  const said = {};
  const all = (what) => [...document.querySelectorAll(what)];
  document.querySelector("td.wrong button").click();
  said.open = document.getElementById("behind").open;
  said.behind = all("#behind figure").length;
  said.count = Number(document.querySelector("td.wrong button").textContent);
  document.querySelector("#behind form button").click();
  said.closed = !document.getElementById("behind").open;
  const header = all("#classes th[scope=col] button")[1];
  header.click(); header.click();
  said.sorted = header.parentElement.getAttribute("aria-sort");
  const search = document.getElementById("search");
  search.value = "/1.JPG"; search.dispatchEvent(new Event("input"));
  said.found = document.getElementById("found").textContent;
  said.images = all("#gallery img").every((image) => image.naturalWidth > 0);
  said.broken = all("img").filter((image) => !image.src.startsWith("data:")).length;
  said.wide = document.documentElement.scrollWidth <= innerWidth;
  said.concurrency = performance.getEntriesByType("resource").map((one) => one.name)
    .filter((name) => !name.startsWith("data:"));
  said.faults = faults;
  document.body.replaceChildren(JSON.stringify(said));
});
</script>
"""


def driven(project: Project, width: int) -> dict:
    """Opens the report in a browser, uses it, and returns what came out."""
    text = (project.folder / "results" / "report.html").read_text(encoding="utf-8")
    place = project.folder / "driven.html"
    place.write_text(text.replace("<style>", f"{DRIVER}<style>", 1), encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900"]
    command += [f"--user-data-dir={project.folder / 'browser'}", "--dump-dom", place.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(re.search(r"<body>(\{.*\})</body>", done.stdout, re.S)[1])


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 500])
def test_a_browser_opens_searches_and_sorts_without_a_fault(width, project):
    folder = project.folder / "input" / "test"
    for number, shape in enumerate(("circle", "cross", "square")):
        (folder / shape).mkdir()
        (folder / f"{number}.jpg").rename(folder / shape / f"{number}.jpg")
    shutil.copy(folder / "circle" / "0.jpg", folder / "cross" / "a circle.jpg")  # is named wrongly
    project.repro()
    said = driven(project, width)
    assert said["open"] and said["closed"] and said["behind"] == said["count"] > 0
    assert said["sorted"] == "descending"
    assert said["found"] == "1 of 4 files"
    assert said["images"] and said["broken"] == 0 and said["wide"]
    assert said["requests"] == [] and said["faults"] == []
