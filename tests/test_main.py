"""`python -m classifier`."""

import re
import sys

import pytest

from classifier import __main__ as program
from tests.project import ROOT


def run(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["classifier", *arguments])
    program.main()


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_without_a_command_it_lists_all_commands(arguments, monkeypatch, capsys):
    run(monkeypatch, *arguments)
    output = capsys.readouterr().out
    modules = {path.stem for path in (ROOT / "classifier" / "commands").glob("[!_]*.py")}
    assert modules == set(program.COMMANDS)
    assert all(f"\n  {name} " in output for name in modules)


@pytest.mark.parametrize(
    ("name", "hint"), [("clasify", "did you mean classify?"), ("x", "known: classify, serve")]
)
def test_an_unknown_command_exits_with_2_and_suggests_a_near_one(name, hint, monkeypatch, capsys):
    with pytest.raises(SystemExit) as exit_info:
        run(monkeypatch, name)
    assert exit_info.value.code == 2
    assert f"error: no command {name!r}; {hint}" in capsys.readouterr().err


@pytest.mark.parametrize("name", program.COMMANDS)
def test_the_help_of_each_command_has_an_example(name, monkeypatch, capsys):
    with pytest.raises(SystemExit) as exit_info:
        run(monkeypatch, name, "--help")
    assert exit_info.value.code == 0
    output = capsys.readouterr().out
    assert output.startswith(f"usage: python -m classifier {name}")
    assert re.search(rf"^examples?:\s+python -m classifier {name}\b", output, re.M)
