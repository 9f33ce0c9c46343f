"""The Dockerfile, which cannot be built here, against the code."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.project import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVE = """
import io, json, os, re, sys
from importlib.metadata import packages_distributions
from pathlib import Path

INSTALLED, PACKAGES = set(os.environ["INSTALLED"].split()), packages_distributions()

class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        owners = {re.sub("[-_.]+", "-", one).lower() for one in PACKAGES.get(name, ())}
        if owners and not owners & INSTALLED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing)
from classifier.commands import serve
from classifier.serving import http_server, models
from classifier.serving.admission import Admission, Capacity
from classifier.serving.app import create_app
from classifier.serving.observer import Observer
from classifier.serving.reloading import Reloading
from classifier.serving.request_metrics import RequestMetrics
from classifier.serving.service import ClassifierService
from classifier.serving.views import Views

if __name__ == "__main__":  # not in the processes that decode
    model, metrics = Path("models/exported"), RequestMetrics()
    services = Reloading(
        lambda: ClassifierService(model, models.limits(model), metrics), (model,), print
    )
    views = Views(services, Admission(Capacity(1, 0, 0, 1)), Observer(metrics), 1000)
    client = create_app(views, set()).test_client()
    images = [(io.BytesIO(Path(path).read_bytes()), path) for path in sys.argv[1:]]
    items = client.post("/classify", data={"images": images}).json
    assert "Similar images are not shown" not in client.get("/").text
    services.close()
    print(json.dumps(items))
"""


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.M))


def test_its_packages_are_those_that_are_tested():
    assert pins("requirements-container.txt").items() <= pins("requirements-dev.txt").items()
    assert pins("requirements-container.txt").keys().isdisjoint({"tensorflow", "keras", "dvc"})


def test_docker_gets_all_that_is_copied():
    copied = re.findall(r"^COPY (\S+) ", DOCKERFILE, re.M)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied and {f"!{path}" for path in copied} <= set(ignored)
    assert "--host" in DOCKERFILE and "0.0.0.0" in DOCKERFILE


@pytest.mark.slow
def test_an_exported_classifier_needs_no_project_and_no_other_package(finished, tmp_path):
    for path in ("classifier", "models/exported"):
        shutil.copytree(finished.folder / path, tmp_path / path)
    (tmp_path / "serve.py").write_text(SERVE)
    with (finished.folder / "results" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    paths = [str(finished.folder / row["path"]) for row in rows]
    env = {**os.environ, "INSTALLED": " ".join(pins("requirements-container.txt"))}
    done = subprocess.run(
        [sys.executable, "serve.py", *paths],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    items = json.loads(done.stdout.splitlines()[-1])
    for item, row in zip(items, rows, strict=True):
        assert item["predicted"] == row["predicted"]
        assert item["probabilities"][row["class_1"]] == pytest.approx(
            float(row["probability"]), abs=2e-6
        )
