import dataclasses

import numpy as np
import pytest

from classifier.common import files
from classifier.common.errors import StageError
from classifier.evaluation.scored_images import HEADER
from stages.export import agreement
from stages.export.agreement import Agreement, Sample
from stages.export.model_outputs import Output
from stages.export.params import FORMATS

EXPECTED = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
FOUND = np.array([[0.8, 0.2], [0.2, 0.8], [0.4, 0.6]])
ROW = Agreement("onnx", 22.0, 100, 0.98, 0.019, 0.3, 0.9, 40.0)


def write_scored(path, names):
    files.write_csv(path, HEADER, [(name, "dog", "dog", 1, 1, 1) for name in names])


def test_images_are_test_images_with_their_classes_or_else_validation_images(tmp_path):
    write_scored(test := tmp_path / "test.csv", ["a", "b"])
    write_scored(validation := tmp_path / "validation.csv", [str(n) for n in range(1000)])
    images = agreement.sample(test, validation, ("cat", "dog"), agreement.IMAGES)
    assert (images.paths, images.labels.tolist()) == (["a", "b"], [1, 1])
    write_scored(test, [])
    images = agreement.sample(test, validation, ("cat", "dog"), agreement.IMAGES)
    assert images.paths == sorted(images.paths) and len(images.paths) == agreement.IMAGES
    assert set(images.labels) == {-1}  # the head has seen them
    write_scored(validation, [str(n) for n in range(1100)])
    more = agreement.sample(test, validation, ("cat", "dog"), agreement.IMAGES)
    assert len(set(more.paths) & set(images.paths)) > 80


def test_a_format_is_compared_with_the_pipeline_and_with_the_classes(tmp_path):
    (tmp_path / "classifier.keras").write_bytes(bytes(2_000_000))
    one = next(one for one in FORMATS if one.name == "keras")
    images = Sample(["a", "b", "c", "odd"], np.array([0, 1, -1, 0]))
    outputs = {path: Output(row, 0.5) for path, row in zip("abc", FOUND, strict=True)}
    row = agreement.measure(one, tmp_path, images, EXPECTED, outputs)
    assert (row.megabytes, row.images, row.agreement, row.accuracy) == (
        2,
        3,
        pytest.approx(2 / 3),
        1,
    )
    assert row.mean_difference == pytest.approx(0.1)
    assert row.largest_difference == pytest.approx(0.2)
    assert row.images_per_second == 2
    assert agreement.measure(one, tmp_path, images, EXPECTED, {}) == Agreement("keras", 2)


@pytest.mark.parametrize("change", [{"agreement": 0.96}, {"mean_difference": 0.021}])
def test_a_format_that_disagrees_is_an_error_with_its_remedy(change):
    agreement.require_agreement([ROW, Agreement("keras", 88.0)], "imagenet")
    with pytest.raises(StageError, match=r"export.onnx: .* set it to false in params.yaml"):
        agreement.require_agreement([dataclasses.replace(ROW, **change)], "imagenet")
    agreement.require_agreement([dataclasses.replace(ROW, **change)], "random")


def test_what_was_not_measured_is_empty_in_the_table(tmp_path):
    agreement.write(tmp_path / "exports.csv", [ROW, Agreement("keras", 88.0)])
    first, second = files.read_csv(tmp_path / "exports.csv")
    assert (first["agreement"], first["images_per_second"]) == ("0.98", "40")
    assert (second["megabytes"], second["images"], second["agreement"]) == ("88", "0", "")
