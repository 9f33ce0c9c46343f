from classifier.dataset import warnings


def test_warnings_are_printed_and_kept_one_per_line(tmp_path, capsys):
    warnings.write(tmp_path / "warnings.txt", ["input/é: a\nb", "second \udce9"])
    assert warnings.read(tmp_path / "warnings.txt") == ["input/é: a b", "second \\udce9"]
    assert capsys.readouterr().err.startswith("warning: input/é: a")
    warnings.write(tmp_path / "warnings.txt", [])
    assert warnings.read(tmp_path / "warnings.txt") == []


def test_without_warnings_the_file_is_not_empty_since_dvc_would_warn(tmp_path):
    warnings.write(tmp_path / "warnings.txt", [])
    assert (tmp_path / "warnings.txt").read_text(encoding="utf-8") == "no warnings\n"
