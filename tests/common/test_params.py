import re

import pytest
import yaml
from ruamel.yaml import YAML

from classifier.common import params
from classifier.common.errors import StageError
from classifier.images.limits import Limits
from stages import evaluate
from stages.export.params import FORMATS
from stages.params import SECTIONS as PARAMS
from tests.project import ROOT

DEFAULTS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def load(section, change, tmp_path):
    document = {name: dict(values) for name, values in DEFAULTS.items()}
    change(document)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(document))
    return params.load(section, PARAMS[section], path)


def load_errors(section, change, tmp_path):
    with pytest.raises(StageError) as info:
        load(section, change, tmp_path)
    return [text.replace(f"{tmp_path}/", "") for text in info.value.messages]


@pytest.mark.parametrize("section", PARAMS)
def test_the_default_file_is_read(section, tmp_path):
    assert vars(load(section, lambda document: None, tmp_path)) == DEFAULTS[section]


def test_sections_are_those_of_the_stages_and_the_file():
    assert tuple(DEFAULTS) == params.SECTIONS == tuple(PARAMS)
    assert not hasattr(evaluate, "Params")


def test_every_value_of_the_file_has_a_comment():
    for line in (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines():
        assert not line.startswith("  ") or " # " in line, line


WRONG = [
    ("dataset.source", "images.txt", "input, or a list of images, .csv or .parquet, on this"),
    ("validate.bad_images", "drop", "one of skip, fail"),
    ("validate.max_megapixels", 0, "more than 0"),
    ("validate.max_megabytes", -1, "more than 0"),
    ("validate.decode_timeout", 0, "more than 0"),
    ("validate.group_seconds", -1, "0 or more"),
    ("validate.value_range", [0], "one of auto, or a list of 2 numbers"),
    ("validate.value_range", [4095, 0], "auto, or two numbers [black, white], black less"),
    ("fetch.weights", "imagenet2", "imagenet, random or the path of a .h5 file"),
    ("fetch.seed", -1, "0 to 4294967295"),
    ("freeze.layers", ["mixed10", "mixed11"], "a list of one or more of mixed0, "),
    ("freeze.pooling", "max", "one of avg, none"),
    ("freeze.image_height", 74, "75 or more"),
    ("freeze.image_width", 74, "75 or more"),
    ("freeze.engine", "onnx", "one of auto, openvino, tensorflow"),
    ("freeze.precision", "bfloat16", "one of float32, int8"),
    ("extract.augmented_copies", -1, "0 or more"),
    ("extract.rotation_range", 181, "0 to 180"),
    ("extract.width_shift_range", 1.1, "0 to 1"),
    ("extract.height_shift_range", -0.1, "0 to 1"),
    ("extract.shear_range", 2, "0 to 1"),
    ("extract.zoom_range", 1, "0 to 0.9"),
    ("extract.horizontal_flip", 1, "true or false"),
    ("extract.seed", 2**32, "0 to 4294967295"),
    ("extract.batch_size", 0, "1 or more"),
    ("extract.threads", -1, "0 or more"),
    ("validate.run_on", "there", "one of here, ray"),
    ("extract.run_on", "there", "one of here, ray"),
    ("inspect.drop_label_conflicts", "yes", "true or false"),
    ("inspect.drop_leaks", 1, "true or false"),
    ("inspect.drop_duplicates", 0, "true or false"),
    ("inspect.drop_wrong_labels", "all", "true or false"),
    ("inspect.drop_outliers", 3.0, "true or false"),
    ("validate.table_format", "xlsx", "one of auto, csv, parquet"),
    ("train.head", "svm", "one of auto, logistic, discriminant, mean, dense"),
    ("train.layers", "mixed8", "one of auto, or a list of one or more of mixed0, "),
    ("train.most", -1, "0 or more"),
    ("train.folds", -1, "0 or more"),
    ("train.hidden_units", -1, "0 or more"),
    ("train.dropout", 1, "0 or more and less than 1"),
    ("train.optimizer", "adma", "one of adam, "),
    ("train.learning_rate", 0, "more than 0"),
    ("train.batch_size", -1, "0 or more"),
    ("train.epochs", 0, "1 or more"),
    ("train.patience", 0, "1 or more"),
    ("train.fine_tune_epochs", -1, "0 or more"),
    ("train.fine_tune_optimizer", "SGD", "one of adam, "),
    ("train.fine_tune_learning_rate", 0, "more than 0"),
    ("train.fine_tune_momentum", 1, "0 or more and less than 1"),
    ("train.fine_tune_batch_size", 0, "1 or more"),
    ("train.fine_tune_patience", 0, "1 or more"),
    ("extract.tta_views", 0, "1 or more"),
    ("train.class_weight", "some", "one of none, balanced, or a mapping of names to numbers"),
    ("train.validation_split", 1.0, "more than 0 and less than 1"),
    ("train.refit", "yes", "true or false"),
    ("train.seed", 2**32, "0 to 4294967295"),
    ("train.learning_curve", "yes", "true or false"),
    ("predict.top_k", 0, "1 or more"),
    ("predict.keep", 0, "more than 0 and at most 1"),
    ("predict.keep", 2, "more than 0 and at most 1"),
    ("predict.min_probability", 2, "0 to 1"),
    ("report.heat_maps", "yes", "true or false"),
    ("export.web", True, "text"),
    *[(f"export.{one.name}", value, "true or false") for one in FORMATS for value in ("yes", 1)],
]


@pytest.mark.parametrize(("name", "value", "rule"), WRONG)
def test_a_value_out_of_range_is_refused(name, value, rule, tmp_path):
    section, key = name.split(".")
    (error,) = load_errors(
        section, lambda document: document[section].update({key: value}), tmp_path
    )
    assert error.startswith(f"params.yaml: {name} must be {rule}")
    assert error.endswith(f"; got {value!r}")


@pytest.mark.parametrize("value", [{}, {"cats": 0}, {"cats": "3"}, {"cats": True}, ["cats"], 2])
def test_class_weights_must_be_numbers_more_than_0(value, tmp_path):
    def change(document):
        document["train"]["class_weight"] = value

    (error,) = load_errors("train", change, tmp_path)
    assert "or a mapping of names to numbers more than 0; got" in error


@pytest.mark.parametrize(
    ("value", "hint"),
    [([], ""), ("mixed8", " (write [mixed8])"), ("all", ""), ([["mixed8"]], ""), ([None], "")],
)
def test_layers_must_be_a_list(value, hint, tmp_path):
    def change(document):
        document["freeze"]["layers"] = value

    (error,) = load_errors("freeze", change, tmp_path)
    assert error.startswith("params.yaml: freeze.layers must be a list of one or more of mixed0, ")
    assert error.endswith(f", mixed10; got {value!r}{hint}")


def test_class_weights_may_be_given_by_class(tmp_path):
    def change(document):
        document["train"]["class_weight"] = {"cats": 1, 7: 2.5}

    assert load("train", change, tmp_path).class_weight == {"cats": 1, 7: 2.5}


def test_the_table_of_wrong_values_names_every_param():
    every = {f"{section}.{key}" for section, values in DEFAULTS.items() for key in values}
    assert {name for name, _, _ in WRONG} == every


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0.01", "must be a number; got '0.01' (write 0.01)"),
        (True, "must be a number; got True"),
        (None, "must be a number; got None"),
        (float("nan"), "must be a number; got nan"),
        (float("inf"), "must be a number; got inf"),
        (10**400, f"must be a number; got {10**400}"),
    ],
)
def test_a_number_of_another_type_is_refused(value, message, tmp_path):
    def change(document):
        document["train"]["learning_rate"] = value

    assert load_errors("train", change, tmp_path) == [f"params.yaml: train.learning_rate {message}"]


def load_text(name, text, tmp_path):
    """Loads a section of the default file, in which one value has another text."""
    section, key = name.split(".")
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").split(f"\n{section}:")
    lines[1] = re.sub(rf"^  {key}: \S+", f"  {key}: {text}", lines[1], count=1, flags=re.M)
    path = tmp_path / "params.yaml"
    path.write_text(f"\n{section}:".join(lines), encoding="utf-8")
    return getattr(params.load(section, PARAMS[section], path), key)


@pytest.mark.parametrize("text", ["1e-05", "1E-5", "1.0e-5", "0.00001", "+.1e-4", "1.e-5"])
def test_a_float_is_read_as_dvc_reads_it(text, tmp_path):
    dvc_reads = YAML(typ="safe", pure=True).load(text)
    assert load_text("train.learning_rate", text, tmp_path) == dvc_reads == 1e-5


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.seed", "010"),
        ("train.seed", "0o10"),
        ("train.seed", "0x10"),
        ("train.seed", "1_000"),
        ("train.seed", "1:30"),
        ("train.refit", "yes"),
        ("train.refit", "off"),
    ],
)
def test_what_the_versions_of_yaml_read_differently_is_refused(name, text, tmp_path):
    with pytest.raises(StageError, match=rf"{name} must be .*; got '{text}'"):
        load_text(name, text, tmp_path)


def test_texts_booleans_and_floats_are_not_integers(tmp_path):
    def change(document):
        document["train"].update(hidden_units="12", epochs=True, seed=1.0)

    assert load_errors("train", change, tmp_path) == [
        "params.yaml: train.seed must be a whole number; got 1.0",
        "params.yaml: train.hidden_units must be a whole number; got '12' (write 12)",
        "params.yaml: train.epochs must be a whole number; got True",
    ]


def test_a_wrong_type_hides_no_value_out_of_range(tmp_path):
    def change(document):
        document["train"].update(hidden_units="12", dropout=1, epochs=0)

    assert len(load_errors("train", change, tmp_path)) == 3


def test_missing_and_unknown_values_are_named_at_once(tmp_path):
    def change(document):
        document["train"]["hidden_unit"] = document["train"].pop("hidden_units")

    missing, unknown = load_errors("train", change, tmp_path)
    assert missing == "params.yaml: train.hidden_units is missing"
    assert unknown == "params.yaml: train has no value 'hidden_unit'; did you mean hidden_units?"


def test_an_unknown_section_is_refused_by_every_stage(tmp_path):
    errors = load_errors("predict", lambda document: document.update(trian={}), tmp_path)
    assert errors == ["params.yaml: no section 'trian'; did you mean train?"]


def test_a_missing_section_is_refused_by_every_stage(tmp_path):
    (error,) = load_errors("predict", lambda document: document.pop("train"), tmp_path)
    assert error == "params.yaml: section train is missing"


@pytest.mark.parametrize("values", [None, 5])
def test_a_section_without_values_is_refused_by_every_stage(values, tmp_path):
    for section in ("predict", "train"):
        errors = load_errors(section, lambda document: document.update(predict=values), tmp_path)
        assert errors == [f"params.yaml: section predict must hold values; got {values}"]


@pytest.mark.parametrize("text", ["train: {a: 1", "- 1", "", "\xff"])
def test_a_file_that_is_not_a_mapping_is_refused(text, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StageError, match=r"params\.yaml(, line 1)?: must "):
        params.load("train", PARAMS["train"], path)


def test_a_missing_file_is_one_error(tmp_path):
    with pytest.raises(StageError, match="no such file; run from the folder"):
        params.load("train", PARAMS["train"], tmp_path / "params.yaml")


@pytest.mark.parametrize("text", ["train:\n\tepochs: 1\n", "train:\n  epochs: 1\n\tseed: 1\n"])
def test_a_tab_is_one_line_with_its_place_and_remedy(text, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(StageError) as info:
        params.load("train", PARAMS["train"], path)
    (message,) = info.value.messages
    rule = "must be indented with spaces; got a tab: replace it with spaces"
    assert message == f"{path}, line {text[: text.index(chr(9))].count(chr(10)) + 1}: {rule}"


(OLD_LAYER,) = DEFAULTS["freeze"]["layers"]


def use_old_name(document: dict, old: str) -> None:
    section, name = old.split(".")
    new_section, new_name = params.RENAMED[old].split(".")
    value = document[new_section].pop(new_name, [OLD_LAYER])
    document[section][name] = value[0] if isinstance(value, list) else value


def rename_error(old: str) -> str:
    section, _, name = old.partition(".")
    new = params.RENAMED[old].removeprefix(f"{section}.")
    example = f" (write layers: [{OLD_LAYER}])" if new == "layers" else ""
    return f"params.yaml: {section} has no value {name!r}; it is now {new!r}{example}"


def test_the_error_of_a_renamed_value_names_the_new_one(tmp_path):
    message = "params.yaml: train has no value 'units'; it is now 'hidden_units'"
    assert rename_error("train.units") == message
    message = (
        "params.yaml: freeze has no value 'last_layer'; it is now 'layers' "
        f"(write layers: [{OLD_LAYER}])"
    )
    assert rename_error("freeze.last_layer") == message
    message = "params.yaml: predict has no value 'average_views'; it is now 'extract.tta_views'"
    assert rename_error("predict.average_views") == message


@pytest.mark.parametrize("section", PARAMS)
@pytest.mark.parametrize("old", params.RENAMED)
def test_every_stage_names_a_renamed_value(old, section, tmp_path):
    errors = load_errors(section, lambda document: use_old_name(document, old), tmp_path)
    assert errors == [rename_error(old)]


def test_a_file_with_only_old_names_has_one_error_per_name(tmp_path):
    def change(document):
        for old in params.RENAMED:
            use_old_name(document, old)

    for section in PARAMS:
        assert load_errors(section, change, tmp_path) == list(map(rename_error, params.RENAMED))


def test_a_part_of_a_section_may_be_loaded(tmp_path):
    limits = params.load("validate", Limits, ROOT / "params.yaml", partial=True)
    assert vars(limits).items() < DEFAULTS["validate"].items()
    with pytest.raises(StageError, match="has no value 'bad_images'"):
        params.load("validate", Limits, ROOT / "params.yaml")


def test_all_values_are_returned_except_those_that_change_no_result():
    values = params.load_all(ROOT / "params.yaml")
    assert DEFAULTS["extract"].keys() - values["extract"].keys() == {
        "batch_size",
        "threads",
        "run_on",
    }
    assert values["train"] == DEFAULTS["train"]
    assert params.parse((ROOT / "params.yaml").read_text(encoding="utf-8")) == values
