import subprocess
import sys
from importlib import import_module

import pytest
import yaml

from classifier.common.errors import count, first_names, run_main
from tests.project import ROOT

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
MADE = ("results/", "models/")
UNREAD = ("results/params_checked.txt", "results/code/")  # by any stage
READERS = [
    name
    for name, stage in STAGES.items()
    if any(dep.startswith(MADE) and not dep.startswith(UNREAD) for dep in stage["deps"])
]


def stop(error: BaseException) -> None:
    raise error


def exit_message(main) -> str:
    """Returns the lines that Python prints to stderr before it exits with code 1."""
    with pytest.raises(SystemExit) as exit_info:
        run_main(main)
    assert isinstance(exit_info.value.code, str)
    return exit_info.value.code


def test_errors_of_the_user_are_lines_and_exit_code_1():
    code = (
        "from classifier.common.errors import StageError, run_main\n"
        "def main(): raise StageError('here: must be 1; got 2', 'there: must be 3; got 4')\n"
        "run_main(main)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    lines = ["error: here: must be 1; got 2", "error: there: must be 3; got 4"]
    assert (done.returncode, done.stderr.splitlines()) == (1, lines)


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_main(lambda: stop(ZeroDivisionError()))


def test_ctrl_c_ends_with_a_line_and_exit_code_130(capsys):
    with pytest.raises(SystemExit) as exit_info:
        run_main(lambda: stop(KeyboardInterrupt()))
    assert exit_info.value.code == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("name", READERS)
def test_a_stage_run_too_early_names_the_missing_file_and_the_remedy(name, inside):
    module = import_module(f"stages.{name}")
    stage = import_module(f"stages.{name}.stage") if hasattr(module, "__path__") else module
    (line,) = exit_message(stage.main).splitlines()
    path, message = line.removeprefix("error: ").split(": ")
    assert any(path == dep or path.startswith(f"{dep}/") for dep in STAGES[name]["deps"])
    assert message == "not there yet; run `dvc repro`, which runs all stages in order"


def test_a_missing_file_that_no_stage_writes_keeps_its_traceback():
    with pytest.raises(FileNotFoundError):
        run_main(lambda: open("elsewhere/file", encoding="utf-8"))  # noqa: PTH123, SIM115


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1200, "1,200 images")]
)
def test_a_number_has_its_noun_in_singular_or_plural(number, text):
    assert count(number, "image") == text
    assert count(number, "class", "classes").startswith(f"{number:,} class")


def test_three_names_are_listed_and_the_others_counted():
    assert first_names(["a", "b", "c"]) == "a, b, c"
    assert first_names(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_a_missing_package_names_the_python_and_the_remedy():
    message = exit_message(lambda: stop(ModuleNotFoundError(name="keras.layers")))
    assert "has no package keras.layers: activate the project" in message


def test_a_missing_module_of_our_own_keeps_its_traceback():
    with pytest.raises(ModuleNotFoundError):
        run_main(lambda: stop(ModuleNotFoundError(name="classifier.gone")))
