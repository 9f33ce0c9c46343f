import hashlib
import sys

import numpy as np
import pytest

from benchmarks import peak
from classifier.dataset import features, manifest
from classifier.images import decode
from classifier.inference import engine
from tests.project import draw, write_images_csv

pytestmark = pytest.mark.slow


OUTPUTS = {"train": features.TRAIN, "test": features.TEST}


def read_table(project, name="train"):
    return features.read(project.folder / OUTPUTS[name])


def test_a_row_is_the_features_of_its_image_alone(finished):
    network = engine.load(finished.folder / "models" / "base")
    for name in ("train", "test"):
        table = read_table(finished, name)
        for row in range(0, len(table.paths), 4):
            data = (finished.folder / str(table.paths[row])).read_bytes()
            pixels = decode.decode_image(data, 75, 75).pixels[None]
            assert table.features[row].tobytes() == network.features(pixels).tobytes()


def test_rows_are_those_of_images_csv_in_its_order(finished):
    rows = list(manifest.iter_rows(finished.folder / "results" / "images.csv"))
    for name in ("train", "test"):
        table = read_table(finished, name)
        expected = [row for row in rows if row.split == name]
        assert table.paths[:].tolist() == [row.path for row in expected]
        assert features.hex_hashes(table.sha256[:]) == [row.sha256 for row in expected]
        labels = [table.class_names[k] if k >= 0 else "" for k in table.labels[:].tolist()]
        assert labels == [row.label for row in expected]


def test_arrays_have_the_documented_types(finished):
    table = read_table(finished)
    count = len(table.paths)
    assert (table.features.shape, table.features.dtype) == ((count, 544), np.float32)
    assert table.layers.tolist() == ["mixed0", "mixed1"]
    assert (table.layer_sizes.dtype, table.layer_sizes.tolist()) == (np.int32, [256, 288])
    assert (table.labels.dtype, table.views[:].tolist()) == (np.int32, [0] * count)
    assert table.class_names.tolist() == ["circle", "cross", "square"]
    assert len(str(table.fingerprint)) == 64 and str(table.weights) == "random"


def test_the_printed_line_counts_images_and_names_the_files(finished):
    files = "results/features_train (18, 544), results/features_test (3, 544)"
    assert f"\nextract: 21 images, 21 new -> {files}, 0 reused, " in finished.output
    done = finished.shell(sys.executable, "-m", "stages.extract")
    assert done.stdout.startswith(f"extract: 21 images, 0 new -> {files}, 21 reused, ")
    assert done.stderr == ""


@pytest.mark.parametrize("change", ["edited", "gone"])
def test_a_file_that_changed_since_validate_is_an_error(change, project):
    path = project.folder / "input" / "test" / "0.jpg"
    path.unlink() if change == "gone" else draw(path, "cross", 77)
    done = project.stage("extract")
    assert done.returncode == 1
    message = "error: input/test/0.jpg: changed while `dvc repro` was running; run it again"
    assert done.stderr.startswith(message)


PEAK = "from stages.extract import stage; stage.main()" + peak.CODE


def test_memory_does_not_grow_with_the_number_of_images(project):
    data = (project.folder / "input" / "test" / "0.jpg").read_bytes()

    def measured(count: int) -> float:
        rows = []
        for number in range(count):
            content = data + number.to_bytes(4, "big") + count.to_bytes(4, "big")
            path = f"input/test/{number:05}.jpg"  # the same image, but another content
            (project.folder / path).write_bytes(content)
            sha256 = hashlib.sha256(content).hexdigest()
            rows.append(manifest.ImageRow(path, "test", "", sha256, 120, 90, "JPEG"))
        write_images_csv(project.folder / "results" / "images.csv", rows)
        lines = project.shell(sys.executable, "-c", PEAK).stdout.splitlines()
        assert lines[0].startswith(f"extract: {count:,} images, {count:,} new ")
        return float(lines[1])

    few, many = measured(200), measured(1700)
    decoded = 1500 * 75 * 75 * 3 / 2**20  # MiB, were all kept in memory
    assert many - few < decoded / 2
