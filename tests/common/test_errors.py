import pytest

from classifier.common.errors import StageError, run_main


def stop(error: BaseException) -> None:
    raise error


def test_a_fault_of_the_user_is_a_line_and_exit_code_1(capsys):
    with pytest.raises(SystemExit) as exit_info:
        run_main(lambda: stop(StageError("here: must be 1; got 2", "there: must be 3; got 4")))
    assert exit_info.value.code == 1
    lines = ["error: here: must be 1; got 2", "error: there: must be 3; got 4"]
    assert capsys.readouterr().err.splitlines() == lines


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_main(lambda: stop(ZeroDivisionError()))


def test_ctrl_c_ends_with_a_line_and_exit_code_130(capsys):
    with pytest.raises(SystemExit) as exit_info:
        run_main(lambda: stop(KeyboardInterrupt()))
    assert exit_info.value.code == 130
    assert "stopped" in capsys.readouterr().err
