import json
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from scipy.stats import binomtest

from classifier.common.errors import StageError
from classifier.comparison import changes, commits, comparison, dvc_cache, elements, runs
from classifier.comparison.commits import Commit, RefusalError
from classifier.comparison.runs import Run
from classifier.evaluation import scored_images
from classifier.evaluation.scored_images import ScoredImage
from classifier.html.markup import Markup
from tests.project import Project, commit, needs_git

OLD = [
    ScoredImage("a.jpg", "cat", "cat", 0.9, 0.5, 1),
    ScoredImage("b.jpg", "cat", "dog", 0.8, 0.5, 1),
    ScoredImage("c.jpg", "dog", "dog", 0.7, 0.5, 1),
    ScoredImage("d.jpg", "dog", "dog", 0.6, 0.5, 1),
    ScoredImage("f.jpg", "dog", "cat", 0.6, 0.5, 1),
]
NEW = [
    ScoredImage("a.jpg", "cat", "dog", 0.9, 0.5, 1),
    ScoredImage("b.jpg", "cat", "cat", 0.8, 0.5, 1),
    ScoredImage("c.jpg", "cat", "cat", 0.7, 0.5, 1),  # another class
    ScoredImage("e.jpg", "dog", "cat", 0.6, 0.5, 1),
    ScoredImage("f.jpg", "dog", "ant", 0.6, 0.5, 1),
]
FIRST = Commit("1234567" + 33 * "0", "2026-01-31", "First <run>", {})
CSV = "path,label,predicted,probability,true_class_probability,true_class_rank\n"


def test_images_predicted_as_another_class_are_found_and_the_others_counted():
    found = changes.find(OLD, NEW, 5)
    paths = {kind: [new.path for _, new in pairs] for kind, pairs in found.shown.items()}
    kinds = {changes.WORSE: ["a.jpg"], changes.BETTER: ["b.jpg"], changes.OTHER: ["f.jpg"]}
    assert paths == kinds and (found.common, found.others) == (3, 3)
    assert str(found) == (
        "of 3 images, 1 became right and 1 wrong; of those wrong in both runs, 1 is wrong as "
        "another class. Chance alone makes such a difference in 100 % of cases. 3 images are in "
        "one of the runs only, or of another true class there."
    )


def test_all_are_counted_and_the_most_confident_shown():
    old = [ScoredImage(f"{n:03}", "cat", "cat", 0.9, 0.5, 1) for n in range(100)]
    new = [one._replace(predicted="dog", probability=n / 100) for n, one in enumerate(old)]
    found = changes.find(old, new, 2)
    assert found.counts == {changes.WORSE: 100}
    assert [one.path for _, one in found.shown[changes.WORSE]] == ["099", "098"]
    assert "in less than 1 % of cases" in str(found)


@pytest.mark.parametrize(
    ("better", "worse"), [(0, 0), (1, 0), (9, 1), (17, 6), (30, 30), (4000, 4300)]
)
def test_the_part_of_chance_is_that_of_the_exact_sign_test(better, worse):
    counts = changes.Counter({changes.BETTER: better, changes.WORSE: worse, changes.OTHER: 7})
    found = changes.Changes(counts, {}, 100, 0)
    expected = binomtest(better, better + worse).pvalue if better + worse else 1
    assert found.chance == pytest.approx(expected)


def test_scores_and_params_of_any_version_are_compared_where_both_runs_have_them():
    before = Run(
        {"validation": {"accuracy": 0.8, "log_loss": None}, "test": 0.9, "estimate": []},
        {"train": {"head": "mean"}},
        {},
    )
    scores = {"accuracy": 0.9, "log_loss": 0.1}
    after = Run(
        {"validation": scores, "test": scores},
        {"train": {"head": "mean", "folds": 5}},
        {"test": scored_images.TEST},
    )
    found = comparison.compare(FIRST, before, after, 5)
    assert found.score_rows == [["validation accuracy", "0.8000", "0.9000", "+0.1000"]]
    assert found.params == [("train.folds", "-", "5")]
    assert str(found.splits["test"]).startswith("the predictions of that commit are not in DVC's")
    assert found.differs and found.images == []
    html = "".join(elements.splits(found, Markup, ("h2", "h3")))
    assert "<code>dvc fetch --all-commits results/scored_test.csv</code>.</p>" in html


def test_params_that_differ_in_form_only_are_the_same():
    old = {"a": 1, "b": {"x": 1, "y": 2}, "c": [1, 2], "d": 1, "e": None}
    new = {"a": 1.0, "b": {"y": 2.0, "x": 1}, "c": [2, 1], "d": True}
    found = comparison.compare(FIRST, Run({}, {"s": old}, {}), Run({}, {"s": new}, {}), 5)
    rows = [("s.c", "[1, 2]", "[2, 1]"), ("s.d", "1", "True"), ("s.e", "None", "-")]
    assert found.params == rows


def test_a_split_without_images_is_left_out(tmp_path):
    rows = {"none": "", "some": "a.jpg,cat,cat,1,1,1\n"}
    none, some = (tmp_path / name for name in rows)
    for name, text in rows.items():
        (tmp_path / name).write_text(CSV + text)
    before = Run({}, {}, {"validation": some, "test": none})
    assert comparison.compare(FIRST, before, before, 5).splits == {"validation": comparison.SAME}
    after = Run({}, {}, {"validation": none, "test": none})
    assert list(comparison.compare(FIRST, before, after, 5).splits) == ["validation"]


@pytest.mark.parametrize("text", ["path,label\na.jpg,cat\n", "", "\xff"])
def test_predictions_of_another_version_are_told(text, tmp_path):
    (tmp_path / "new.csv").write_text(CSV + "a.jpg,cat,cat,1,1,1\n")
    (tmp_path / "old.csv").write_text(text, encoding="latin-1")
    before, after = (Run({}, {}, {"test": tmp_path / name}) for name in ("old.csv", "new.csv"))
    found = comparison.compare(FIRST, before, after, 5).splits["test"]
    assert "are those of another version" in found


@needs_git
def test_a_commit_is_read_from_a_folder_of_its_repository(tmp_path, monkeypatch):
    project = Project(tmp_path / "repository")
    folder = project.folder / "sub folder"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LC_ALL", "C")
    with pytest.raises(StageError, match=r"HEAD: must be .*git says: .*not a git repo") as raised:
        commits.read("HEAD", runs.COMMITTED)
    assert raised.type is StageError
    (project.folder / ".git").mkdir()  # by mistake: it is no repository
    with pytest.raises(StageError) as raised:
        commits.read("HEAD", runs.COMMITTED)
    assert raised.type is StageError
    project.shell("git", "init", "-q")
    for trace in ("0", "1"):  # git writes to stderr, but refuses nothing
        monkeypatch.setenv("GIT_TRACE", trace)
        with pytest.raises(StageError, match=r"must be a commit.*commit a run first") as raised:
            commits.read("HEAD", runs.COMMITTED)
        assert raised.type is StageError
    monkeypatch.delenv("GIT_TRACE")
    (folder / "params.yaml").write_bytes(b"a\n\nb")
    commit(project, "Über\nzwei\n\nmore")
    project.shell("git", "checkout", "-q", "--detach")
    found = commits.read("HEAD", runs.COMMITTED)
    assert found.files == {runs.params.PATH: b"a\n\nb"} and found.subject == "Über zwei"
    shown = project.shell("git", "log", "-1", "--format=%H %cs").stdout.split()
    assert [found.hash, found.date] == shown
    with pytest.raises(StageError, match=f"{found.name}: holds no"):
        runs.past(found)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    project.shell("git", *identity, "tag", "-m", "text", "tag")
    assert commits.read(":/more", runs.COMMITTED) == found == commits.read("tag", runs.COMMITTED)
    for name in (f"HEAD:./{runs.params.PATH}", "^HEAD", "HEAD..HEAD", "HEAD\nHEAD", "--all"):
        with pytest.raises(StageError, match="must be a commit"):
            commits.read(name, runs.COMMITTED)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    words = "git says: fatal: detected dubious ownership.*git config --global --add safe.directory"
    with pytest.raises(RefusalError, match=words):
        commits.read("HEAD", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StageError, match="git: must be installed"):
        commits.read("HEAD", ())


@pytest.mark.parametrize("broken", ["metrics", "params", "lock"])
def test_a_commit_with_a_broken_run_holds_none(broken):
    good = {"metrics": b"{}", "params": b"a: {}", "lock": b"stages: {}"}
    for text in (b"<<<<<<< HEAD\n", b"", b"[1]", b"\xff", b'"a"', b"stages: {a: 1}: 2"):
        contents = (good | {broken: text}).values()
        held = Commit("1", "", "", dict(zip(runs.COMMITTED, contents, strict=True)))
        with pytest.raises(StageError, match="1: holds no"):
            runs.past(held)


@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # in DVC
def test_the_cache_is_found_where_dvc_has_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "global"))
    (tmp_path / "project" / "inside").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    with Repo.init(no_scm=True) as repo:
        for level, place in ((None, ""), ("global", "a"), ("local", "../b c")):
            if level:
                with repo.config.edit(level) as config:
                    config["cache"] = {"dir": place}
            Path("file.txt").write_text(str(level), encoding="utf-8")
            (stage,) = Repo().add("file.txt")
            md5 = stage.outs[0].hash_info.value
            monkeypatch.chdir("inside")
            found = dvc_cache.find(md5)
            monkeypatch.chdir("..")
            assert found.samefile(Repo().cache.local.oid_to_path(md5))
    found.chmod(0o644)
    found.write_text("damaged")
    assert dvc_cache.find(md5) is None


@needs_git
def test_the_run_of_a_commit_is_taken_from_the_project_or_the_cache(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    held = commits.read("HEAD", runs.COMMITTED)
    run, present = runs.past(held), runs.present()
    assert run == present and held.subject == "first run"
    assert not comparison.compare(held, run, present, 5).differs
    lock = yaml.safe_load(held.files[runs.LOCK])
    lock["stages"]["predict"]["outs"] = [{"path": "results/scored_test.csv", "md5": "0" * 32}]
    files = {**held.files, runs.LOCK: json.dumps(lock).encode()}
    assert runs.past(Commit("1", "", "", files)).scored == {"validation": scored_images.VALIDATION}
