import json
import re
import tarfile

import pytest

from classifier.common.errors import StageError
from classifier.exported import ExportedInfo
from classifier.head import HeadInfo
from stages.export import stage
from stages.export.formats import web
from stages.export.params import FORMATS

INFO = ExportedInfo(HeadInfo(("<b>", "Café"), "random", "", 9, (0,), ""), 75, 80, 3, 2.5, 0.4)


def test_a_missing_or_altered_runtime_is_an_error_with_its_remedy(tmp_path):
    (tmp_path / "altered.tgz").write_bytes(b"no archive")
    for name, got in (("altered.tgz", "got [0-9a-f]{64}"), ("none.tgz", r"got '.*none\.tgz'")):
        remedy = r"run `npm pack onnxruntime-web@[\d.]+`, or set it to none$"
        with pytest.raises(StageError, match=rf"export\.web must be .*; {got}: {remedy}"):
            stage.Params(**{one.name: False for one in FORMATS}, web=str(tmp_path / name))


def test_the_page_gets_its_settings_and_the_parts_of_the_runtime_it_needs(tmp_path):
    archive = tmp_path / "runtime.tgz"
    with tarfile.open(archive, "w:gz") as file:
        for member in (*web.PARTS, "package/unused.js"):
            (tmp_path / "part").write_text(member)
            file.add(tmp_path / "part", member)
    web.write_page(INFO, str(archive), tmp_path / "web")
    settings = json.loads((tmp_path / "web" / "classifier.json").read_text(encoding="utf-8"))
    assert settings["class_names"] == ["<b>", "Café"] and settings["threshold"] == 2.5
    assert settings["warning"] == "RANDOM weights: a smoke test, not a model"
    for member, name in web.PARTS.items():
        assert (tmp_path / "web" / name).read_text() == member
    assert not list((tmp_path / "web").rglob("unused.js"))


def test_the_page_names_no_other_host_and_has_no_code_in_its_html():
    html = (web.PAGE / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html and "unsafe-inline" not in html
    assert not re.search(r"\son\w+=|style=|<style|<script[^>]*>[^<]", html)
    for path in web.PAGE.iterdir():
        hosts = re.findall(r"\b(?:https?|wss?)://\w[\w.]*", path.read_text(encoding="utf-8"))
        assert set(hosts) <= {"http://localhost"}, path
