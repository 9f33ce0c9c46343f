import pytest
import yaml

from classifier.common.errors import StageError
from stages import params
from tests.project import executed


def change(inside, **sections):
    """Changes values of params.yaml: `train={"epochs": 0}`."""
    path = inside / "params.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in sections.items():
        document.setdefault(section, {}).update(values)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def errors():
    with pytest.raises(StageError) as info:
        params.main()
    return [message.removeprefix("params.yaml: ") for message in info.value.messages]


def test_the_default_file_is_valid(inside, capsys):
    params.main()
    assert (inside / "results" / "params_checked.txt").read_text() == "params.yaml is valid\n"
    line = capsys.readouterr().out
    assert line.startswith("params: 67 values of params.yaml are valid -> ")


def test_all_faults_of_all_sections_are_named_at_once(inside):
    change(inside, export={"onxx": True}, train={"epochs": 0}, freeze={"pooling": 1}, trian={})
    change(inside, predict={"top_k": "3"}, fetch={"weights": "nowhere.h5"})
    assert sorted(errors()) == [
        "export has no value 'onxx'; did you mean onnx?",
        "fetch.weights must be a .h5 file that exists; got 'nowhere.h5'",
        "freeze.pooling must be one of avg, none; got 1",
        "no section 'trian'; did you mean train?",
        "predict.top_k must be a whole number; got '3' (write 3)",
        "train.epochs must be 1 or more; got 0",
    ]
    assert not (inside / "results").exists()


def test_values_of_two_sections_are_checked_against_each_other(inside):
    change(inside, train={"fine_tune_epochs": 3})
    (error,) = errors()
    assert error.startswith("train.fine_tune_epochs must be 0 where freeze.pooling is avg; got 3")


def test_a_weight_of_an_unknown_class_is_an_error(inside):
    for name in ("cats", "dogs"):
        (inside / "input" / "train" / name).mkdir(parents=True)
    change(inside, train={"class_weight": {"cat": 2, "dogs": 3}})
    assert errors() == ["train.class_weight has no class 'cat'; did you mean cats?"]


def test_a_wrong_value_stops_dvc_before_any_work(project):
    change(project.folder, export={"onnyx": False})
    done = project.shell("dvc", "repro", ok=False)
    assert done.returncode != 0
    assert "export has no value 'onnyx'; did you mean onnx?" in done.stderr
    assert "Running stage 'params'" in done.stdout
    assert executed(done.stdout) == set()
