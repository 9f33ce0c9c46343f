import dataclasses
import json
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest

from classifier.comparison import changes
from classifier.comparison.comparison import Comparison
from classifier.dataset import manifest
from classifier.dataset.findings import Finding
from classifier.dataset.problems import Problem
from classifier.evaluation import coverage, headline
from classifier.evaluation.learning_curve import Point
from classifier.evaluation.scored_images import ScoredImage
from classifier.evaluation.similarity_bins import Bin
from classifier.head import HeadInfo
from classifier.html.thumbnails import Thumbnail
from classifier.inference.base import BaseInfo
from stages.report import page, run_results, scored, tested
from stages.report.elements import percent
from stages.report.listed import Listed
from stages.report.run_results import RunResults
from tests.project import Project, copy, needs_git
from tests.test_comparison import FIRST, NEW, OLD

BASE = BaseInfo(
    ("mixed10",), "avg", 299, 299, (2048,), (2048,), "float32", "openvino", "int8", "imagenet"
)
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


HEAD = HeadInfo(
    ("ant", "bee"),
    "imagenet",
    "",
    200,
    (0,),
    "",
    head="discriminant",
    layers=("mixed8",),
    strength=(0.6,),
)


def part(accuracy: float, count: int, **others: object) -> dict[str, object]:
    """Returns a part of metrics.json."""
    values = {"accuracy": accuracy, "accuracy_low": 0.7, "accuracy_high": 0.93, "log_loss": 0.4}
    values |= {"macro_f1": 0.8, "top_3_accuracy": 1.0, "expected_calibration_error": 0.05}
    return values | {"right_of_100_low": 68, "right_of_100_high": 95, "n": count} | others


def metrics_of(**parts: object) -> dict[str, object]:
    """Returns the content of metrics.json."""
    leaks = {"test": 0, "labelled": 0}
    return {"validation": part(0.9, 200, folds=5), "leaks": leaks} | parts


def page_of(*arguments) -> str:
    return "".join(page.parts(*arguments))


def images_of(names=("ant", "bee"), count=40) -> list[ScoredImage]:
    """Returns test images of known class, a seventh of them misclassified."""
    images = []
    for n in range(count):
        label, wrong = names[n % len(names)], n % 7 == 0
        guess, own = names[(n + wrong) % len(names)], 0.1 if wrong else 0.9
        path = f"input/test/{label}/{n}.jpg"
        images.append(ScoredImage(path, label, guess, 0.9, own, 1 + wrong))
    return sorted(images)


def row_of(image: ScoredImage) -> dict[str, str]:
    """Returns the row of results/predictions.csv."""
    names = ("path", "status", "predicted", "class_1", "probability", "novelty")
    cells = (image.path, "ok", image.predicted, image.predicted, "0.9", "0.100")
    return dict(zip(names, cells, strict=True))


def results(names=("ant", "bee"), count=40, rows=None, images=None, **changes) -> RunResults:
    """Returns the results of a run with a labelled test set."""
    images = images_of(names, count) if images is None else images
    rows = [row_of(image) for image in images] if rows is None else rows
    correct = np.array([image.label == image.predicted for image in images])
    probability = np.linspace(0.5, 0.9, len(images))
    values = {
        "class_names": tuple(names),
        "head": HeadInfo(tuple(names), "imagenet", "", 200, (0,), ""),
        "base": BASE,
        "split": "test",
        "metrics": metrics_of(test=part(0.85, count)),
        "counts": {name: Counter(train=100, test=count // 2) for name in names},
        "samples": {},
        "problems": Listed(Counter(), []),
        "findings": Listed(Counter(), []),
        "warnings": [],
        "history": {
            "loss": [1.0, 0.5],
            "accuracy": [0.5, 0.9],
            "val_loss": [0.9, 0.6],
            "val_accuracy": [0.6, 0.8],
        },
        "scored": scored.of(lambda: images, rows),
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
        "coverage": coverage.compute(probability, correct, probability),
        "thresholds": [],
        "similarity": [Bin(0.8, 0.9, 20, 0.7, 0.6, 0.8, 10, 8, 6)],
        "learning_curve": [Point(40, 0.8, 0.7, 0.9), Point(80, 0.85, 0.8, 0.9)],
        "predictions": tested.of(rows, images),
        "params": {"train": {"hidden_units": 1024}},
        "versions": {"keras": "3"},
        "comparison": None,
    }
    return RunResults(**values | changes)


def test_the_headline_is_a_prediction_for_new_images():
    text = Parsed(page_of(results(), {})).text
    expected = "Of 100 new images like your test images, expect 68 to 95 to be classified correctly"
    assert expected in text
    assert "Measured on 40 test images of known class: 34 were right, an accuracy of 85.0" in text
    assert "Each of your 200 training images was classified by a head that had not" in text


def test_without_test_scores_the_headline_is_about_images_like_the_training_images():
    run = results(split="validation", metrics=metrics_of())
    assert "Of 100 new images like your training images, expect" in Parsed(page_of(run, {})).text


def test_a_shift_is_in_the_headline_with_its_reason():
    values = part(0.7, 99, disagrees=True, shift=True, unlike=0.0)
    estimate = values | {"accuracy_low": 0.482, "accuracy_high": 0.911}
    run = results(split="validation", metrics=metrics_of(estimate=estimate))
    text = Parsed(page_of(run, {})).text
    assert "Of 100 new images like your test images, expect 48 to 92" in text
    assert "This is an estimate, as the classes of your 99 test images are not known." in text
    assert "their predictions are less certain" in text


def test_leaked_images_stand_beside_the_score():
    leaks = {"test": 3, "labelled": 3}
    metrics = metrics_of(test=part(1, 43), test_without_leaks=part(0.85, 40), leaks=leaks)
    text = Parsed(page_of(results(metrics=metrics), {})).text
    tiles = f"test accuracy without copies {percent(0.85)} test accuracy with copies {percent(1)}"
    assert " ".join(tiles.split()) in text
    assert "40 test images of known class, without copies of training images: 34 were right" in text


def test_the_accuracy_of_likely_predictions_is_told():
    probability = np.linspace(0.5, 0.9, 40)
    answered = coverage.compute(probability, np.arange(40) >= 6, probability)
    text = Parsed(page_of(results(coverage=answered), {})).text
    assert "If only likely predictions count (40 test images)" in text
    row = coverage.smallest_probability(answered, 0.9)
    assert f"{answered.probability[row]:.3f}" in text


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        ((0.031, 0.012, 0.05), "rises by 3.1 percentage points (95 % interval: 1.2 to 5.0)."),
        ((0.004, 0.0, 0.009), "would hardly help: twice as many would raise the accuracy by at"),
        ((0.02, 0.0, 0.05), "cannot be told: twice as many would raise the accuracy by between 0"),
    ],
)
def test_what_more_images_would_add_is_told(gain, expected):
    values = dict(zip(("gain", "gain_low", "gain_high"), gain, strict=True))
    metrics = metrics_of(twice_as_many=values | {"images": 80, "classes": {"bee": 0.1}})
    text = Parsed(page_of(results(metrics=metrics), {})).text
    assert expected in text
    assert ("Most would be gained for bee (10 points)." in text) == (gain[1] > 0.01)
    row = f"80 {percent(0.85)} {percent(0.8)} to {percent(0.9)}"
    assert " ".join(row.split()) in text
    unknown = Parsed(page_of(results(), {})).text
    assert "Whether more images would help cannot be told from so few." in unknown


def test_the_accuracy_by_similarity_is_told():
    text = Parsed(page_of(results(), {})).text
    cells = f"0.800 to 0.900 20 {percent(0.7)} {percent(0.6)} to {percent(0.8)} 10 {percent(0.75)}"
    assert " ".join(cells.split()) in text
    assert "Accuracy by similarity" not in Parsed(page_of(results(similarity=[]), {})).text


def test_two_classes_have_rates_by_threshold():
    row = {"threshold": "0.5", "true_positive_rate": "0.9", "false_positive_rate": "0.2"}
    row |= {"precision": "0.8", "negative_precision": ""}
    text = Parsed(page_of(results(thresholds=[row]), {})).text
    rates = f"0.500 {percent(0.9)} {percent(0.8)} {percent(0.8)} -"
    assert " ".join(rates.split()) in text
    assert "A threshold for bee" in text and "ROC curve" in text


def test_each_class_has_its_scores_with_an_interval():
    text = Parsed(page_of(results(), {})).text
    assert "ant 20 0.85 0.64 to 0.95 - 0.81" in text


def test_random_weights_give_an_alert():
    base = dataclasses.replace(BASE, weights="random")
    seen = Parsed(page_of(results(base=base), {}))
    assert ("p", "role", "alert") in seen.attributes and "The weights are random" in seen.text
    assert ("p", "role", "alert") not in Parsed(page_of(results(), {})).attributes


def test_warnings_stand_before_the_scores():
    warnings = [f"input/raw{n}: not read" for n in range(10)]
    text = Parsed(page_of(results(warnings=warnings), {})).text
    assert "Warnings: input/raw0: not read input/raw1: not read " in text
    assert "input/raw7: not read and 2 more in results/warnings.txt" in text
    assert text.index("Warnings:") < text.index("Of 100 new images")


def test_a_missing_test_score_has_its_reason():
    unknown = {"ant": Counter(train=100), "": Counter(test=3)}
    text = Parsed(
        page_of(results(counts=unknown, split="validation", metrics=metrics_of()), {})
    ).text
    assert "There is no test score: no test image is in a folder named like a class." in text
    unknown["ant"]["test"] = 5
    assert "3 test images not scored" in Parsed(page_of(results(counts=unknown), {})).text
    none = {"ant": Counter(train=100)}
    text = Parsed(page_of(results(counts=none, split="validation", metrics=metrics_of()), {})).text
    assert "There is no test score: no test images." in text


def test_what_differs_from_the_last_commit_is_shown_first():
    splits = {"validation": changes.find(OLD, NEW, 24), "test": "not there"}
    found = Comparison(FIRST, [("test log_loss", 0.8, 0.75)], [("a.b", "-", "5")], splits)
    run = results(comparison=found)
    assert set(run.images_to_show()) > {"a.jpg", "b.jpg", "f.jpg"}
    text = Parsed(page_of(run, {"a.jpg": Thumbnail("data:a", 100, 50)})).text
    assert "Before: commit 1234567 of 2026-01-31, “First <run>”, the last one when" in text
    assert "test log loss 0.8000 0.7500 -0.0500" in text and "a.b - 5" in text
    assert "Of 3 images, 1 became right and 1 wrong; of those wrong in both runs" in text
    assert "Now right (1) b.jpg dog (0.80) → cat (0.80) true class: cat" in text
    assert text.index("Test images Not there") < text.index("Data", text.index("Before"))
    assert "Before:" not in Parsed(page_of(results(), {})).text
    long = dataclasses.replace(
        found, commit=dataclasses.replace(FIRST, subject=60 * "é" + 60 * "x")
    )
    text = Parsed(page_of(results(comparison=long), {})).text
    assert f"“{60 * 'é'}{39 * 'x'}…”, the last" in text


@needs_git
def test_where_git_refuses_the_repository_its_words_and_remedy_are_shown(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    run = run_results.read({})
    text = Parsed(page_of(run, {})).text
    assert "as git refuses to read this repository. Git says: fatal: detected dubious" in text
    remedy = f"git config --global --add safe.directory {finished.folder.resolve().as_posix()}"
    assert remedy in text
    monkeypatch.setenv("PATH", "")  # no git
    assert run_results.read({}).comparison is None


def test_names_with_html_stay_text():
    names = (EVIL, "bee")
    fault = Problem(f"input/train/{EVIL}", "truncated", EVIL, "skipped")
    faults = Listed(Counter(truncated=1), [fault])
    finding = Finding(EVIL, EVIL, "outlier", 4.0, "", "", EVIL)
    findings = Listed(Counter(outlier=1), [finding])
    hostile = results(names, problems=faults, findings=findings, params={EVIL: {EVIL: EVIL}})
    plain, seen = (Parsed(page_of(run, {})) for run in (results(), hostile))
    assert seen.tags["script"] == plain.tags["script"] == 5
    assert seen.text.count("<script>alert(1)</script>") > 10
    assert not [name for _, name, _ in seen.attributes if name.startswith("on")]


def test_each_thumbnail_is_embedded_once():
    paths = [image.path for image in images_of()]
    uris = [f"data:image/webp;base64,{place:04}" for place in range(len(paths))]
    images = {path: Thumbnail(uri, 100, 50) for path, uri in zip(paths, uris, strict=True)}
    text = page_of(results(), images)
    assert all(text.count(uri) == 1 for uri in uris)


def test_errors_get_thumbnails_first():
    shown = results().images_to_show()
    errors = [image.path for image in images_of() if image.predicted != image.label]
    assert set(shown[: len(errors)]) == set(errors) and len(shown) == len(set(shown)) == 40


@pytest.mark.parametrize("classes", [2, 40, 150])
def test_confusions_of_any_number_of_classes_open_their_images(classes):
    names = [f"class {number:03}" for number in range(classes)]
    run = results(names, 1500)
    seen = Parsed(page_of(run, {}))
    buttons = {
        value for name, key, value in seen.attributes if (name, key) == ("button", "data-pair")
    }
    pairs = {(names.index(i.label), names.index(i.predicted)) for i in images_of(names, 1500)}
    shown = {tuple(map(int, pair.split(","))) for pair in buttons}
    assert shown == pairs if classes <= 120 else 0 < len(shown) == 20 and shown <= pairs


def test_a_report_of_twenty_thousand_test_images_stays_small():
    run = results([f"class {number:03}" for number in range(100)], 20_000)
    assert len(page_of(run, {}).encode()) < 4_000_000  # the thumbnails add 6 MB at most
    assert len(run.images_to_show()) == run_results.SHOWN


def test_a_page_without_predictions_errors_or_problems_says_so():
    right = [ScoredImage("input/test/ant/1.jpg", "ant", "ant", 0.99, 0.99, 1)]
    text = Parsed(page_of(results(images=right, rows=[]), {})).text
    for sentence in (
        "There are no test images.",
        "No image was misclassified.",
        "No file has a problem.",
    ):
        assert sentence in text


def test_unknown_images_are_shown_the_most_novel_first():
    rows = [
        {**row_of(image), "predicted": "unknown", "novelty": f"{number}.500"}
        for number, image in enumerate(images_of()[:3], start=3)
    ]
    text = Parsed(page_of(results(rows=rows), {})).text
    assert "3 test images look like none of the classes" in text
    assert text.index("novelty 5.500") < text.index("novelty 4.500") < text.index("novelty 3.500")
    assert "unknown test images 3 of 3" in text
    assert text.count(" unknown bee") == 1  # the error among them


def test_the_page_loads_nothing_from_the_network():
    text = page_of(results(), {})
    assert ("meta", "content", page.POLICY) in Parsed(text).attributes
    assert not re.search(r"https?://|url\(|@import|<link|src=\"(?!data:)", text)


def test_every_entry_of_the_contents_has_its_section():
    finding = Finding("input/test/ant/0.jpg", "ant", "outlier", 4.0, "", "", "d")
    findings = Listed(Counter(outlier=1), [finding])
    seen = Parsed(page_of(results(findings=findings), {})).attributes
    links = [link for name, key, link in seen if (name, key) == ("a", "href")]
    assert links == [f"#{id_}" for name, key, id_ in seen if (name, key) == ("section", "id")]


def test_a_head_without_epochs_is_described():
    seen = Parsed(page_of(results(history={}, head=HEAD), {}))
    assert "a linear discriminant on the square roots of the features of mixed8" in seen.text
    assert "strength (0.6)" in seen.text


def test_history_and_samples_are_read_from_a_real_run(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    run = run_results.read({})
    assert run.history == {} and run.head.head == "discriminant"
    report = (finished.folder / "results" / "report.html").read_text(encoding="utf-8")
    assert report.count('class="heat"') >= len(run.explained) >= 3
    assert run.counts["circle"] == Counter(train=6) and run.counts[""] == Counter(test=3)
    hashes = {row.path: row.sha256 for row in manifest.iter_rows(manifest.PATH)}
    circles = [hashes[path] for path in run.samples["circle"]]
    assert len(circles) == 6 and circles == sorted(circles)


@pytest.mark.slow
def test_the_report_of_a_real_run_is_reproducible_and_shows_its_score(finished, tmp_path):
    project = copy(finished, tmp_path / "project")
    before = (project.folder / "results" / "report.html").read_bytes()
    assert project.stage("report").returncode == 0
    assert (project.folder / "results" / "report.html").read_bytes() == before
    metrics = json.loads((project.folder / "results" / "metrics.json").read_text())
    expected = headline.headline(metrics)
    assert (
        f"expect {expected.low} to {expected.high} to be classified correctly."
        in Parsed(before.decode()).text
    )


@pytest.mark.slow
def test_an_image_that_vanished_is_named(finished, tmp_path):
    project = copy(finished, tmp_path / "project")
    (project.folder / "input" / "test" / "0.jpg").unlink()
    shutil.rmtree(project.folder / ".cache")  # it has the thumbnail
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
  const seen = {};
  const all = (selector) => [...document.querySelectorAll(selector)];
  document.querySelector("td.wrong button").click();
  seen.open = document.getElementById("examples").open;
  seen.examples = all("#examples figure").length;
  seen.count = Number(document.querySelector("td.wrong button").textContent);
  document.querySelector("#examples form button").click();
  seen.closed = !document.getElementById("examples").open;
  const header = all("#classes th[scope=col] button")[1];
  header.click(); header.click();
  seen.sorted = header.parentElement.getAttribute("aria-sort");
  const search = document.getElementById("search");
  search.value = "/1.JPG"; search.dispatchEvent(new Event("input"));
  seen.status = document.getElementById("status").textContent;
  search.value = ""; document.getElementById("only-errors").click();
  seen.errors = document.getElementById("gallery").textContent;
  seen.images = all("#gallery img").every((image) => image.naturalWidth > 0);
  seen.broken = all("img").filter((image) => !image.src.startsWith("data:")).length;
  seen.clipped = all(".wide").filter((box) => box.scrollWidth > box.clientWidth + 1).length;
  seen.wide = document.documentElement.scrollWidth <= innerWidth;
  seen.requests = performance.getEntriesByType("resource").map((entry) => entry.name)
    .filter((name) => !name.startsWith("data:"));
  seen.faults = faults;
  document.body.replaceChildren(JSON.stringify(seen));
});
</script>
"""


def use_in_browser(project: Project, width: int) -> dict:
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
def test_a_browser_opens_searches_and_sorts_without_errors(width, project):
    folder = project.folder / "input" / "test"
    for number, shape in enumerate(("circle", "cross", "square")):
        (folder / shape).mkdir()
        (folder / f"{number}.jpg").rename(folder / shape / f"{number}.jpg")
    shutil.copy(folder / "circle" / "0.jpg", folder / "cross" / "a circle.jpg")  # is misclassified
    project.repro()
    seen = use_in_browser(project, width)
    assert seen["open"] and seen["closed"] and seen["examples"] == seen["count"] > 0
    assert seen["sorted"] == "descending"
    assert seen["status"] == "1 of 4 files"
    assert seen["errors"].count("true class: cross") == seen["errors"].count("true class") == 1
    assert seen["images"] and seen["broken"] == 0 and seen["wide"]
    assert seen["clipped"] == 0
    assert seen["requests"] == [] and seen["faults"] == []
