"""`python -m classifier`."""

import pytest

from classifier import __main__ as program
from tests.project import ROOT


def run(*arguments, monkeypatch):
    monkeypatch.setattr("sys.argv", ["classifier", *arguments])
    program.main()


def test_without_arguments_it_lists_the_commands(monkeypatch, capsys):
    run(monkeypatch=monkeypatch)
    listed = capsys.readouterr().out
    modules = {path.stem for path in (ROOT / "classifier" / "commands").glob("[!_]*.py")}
    assert modules == set(program.COMMANDS)
    assert all(f"\n  {name} " in listed for name in modules)


@pytest.mark.parametrize("name", program.COMMANDS)
def test_every_command_has_help(name, monkeypatch, capsys):
    if name == "demo":
        pytest.skip("it takes no options")
    with pytest.raises(SystemExit) as stop:
        run(name, "--help", monkeypatch=monkeypatch)
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m classifier {name}")


def test_an_unknown_command_is_an_error(monkeypatch, capsys):
    with pytest.raises(SystemExit) as stop:
        run("clasify", monkeypatch=monkeypatch)
    assert stop.value.code == 2
    assert "error: no command 'clasify'" in capsys.readouterr().err
