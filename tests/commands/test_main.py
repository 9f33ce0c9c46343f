import re
import sys

import pytest

from classifier import __main__


def run(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["classifier", *arguments])
    __main__.main()


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_without_a_command_it_lists_all_commands(arguments, monkeypatch, capsys):
    run(monkeypatch, *arguments)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["classify", "serve", "cache", "demo"]


def test_an_unknown_command_exits_with_2_and_suggests_a_near_one(monkeypatch, capsys):
    for name, hint in (("clasify", "did you mean classify?"), ("x", "known: classify, serve")):
        with pytest.raises(SystemExit) as exit_info:
            run(monkeypatch, name)
        assert exit_info.value.code == 2
        assert f"error: no command {name!r}; {hint}" in capsys.readouterr().err


@pytest.mark.parametrize("name", __main__.COMMANDS)
def test_the_help_of_each_command_has_an_example(name, monkeypatch, capsys):
    with pytest.raises(SystemExit) as exit_info:
        run(monkeypatch, name, "--help")
    assert exit_info.value.code == 0
    assert re.search(rf"^examples?:\s+python -m classifier {name}\b", capsys.readouterr().out, re.M)
