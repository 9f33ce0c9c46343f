import hashlib
import sys

import numpy as np
import pytest

from benchmarks import peak
from classifier.dataset import features, manifest
from classifier.images import decode
from classifier.inference import engine
from tests.project import draw

pytestmark = pytest.mark.slow


def table(project, name="train"):
    return features.read(project.folder / "results" / f"{name}.npz")


def test_a_row_is_the_features_of_its_image_alone(finished):
    network = engine.load(finished.folder / "models" / "base")
    for name in ("train", "test"):
        found = table(finished, name)
        for row in range(0, len(found.paths), 4):
            data = (finished.folder / str(found.paths[row])).read_bytes()
            pixels = decode.decode_image(data, 75, 75).pixels[None]
            assert found.features[row].tobytes() == network.features(pixels).tobytes()


def test_rows_are_the_manifests_in_its_order(finished):
    rows = manifest.read(finished.folder / "results" / "images.csv")
    for name in ("train", "test"):
        found = table(finished, name)
        expected = [row for row in rows if row.split == name]
        assert found.paths.tolist() == [row.path for row in expected]
        assert found.sha256.tolist() == [row.sha256 for row in expected]
        labels = [found.class_names[k] if k >= 0 else "" for k in found.labels.tolist()]
        assert labels == [row.label for row in expected]


def test_arrays_are_the_contracts(finished):
    found = table(finished)
    count = len(found.paths)
    assert (found.features.shape, found.features.dtype) == ((count, 288), np.float32)
    assert (found.labels.dtype, found.views.tolist()) == (np.int32, [0] * count)
    assert found.class_names.tolist() == ["circle", "cross", "square"]
    assert len(str(found.fingerprint)) == 64 and str(found.weights) == "random"


def test_the_line_tells_images_and_files(finished):
    files = "results/features_train.npz (18, 288), results/features_test.npz (3, 288)"
    assert f"\nextract: 21 images, 21 new -> {files}, 0 reused, " in finished.output
    done = finished.shell(sys.executable, "-m", "stages.extract")
    assert done.stdout.startswith(f"extract: 21 images, 0 new -> {files}, 21 reused, ")
    assert done.stderr == ""


@pytest.mark.parametrize("change", ["edited", "gone"])
def test_a_file_that_changed_since_validate_is_said(change, project):
    path = project.folder / "input" / "test" / "0.jpg"
    path.unlink() if change == "gone" else draw(path, "cross", 77)
    done = project.stage("extract")
    assert done.returncode == 1
    said = "error: input/test/0.jpg: changed while `dvc repro` was running; run it again"
    assert done.stderr.startswith(said)


PEAK = "from stages import extract; extract.main()" + peak.CODE


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
        manifest.write(project.folder / "results" / "images.csv", rows)
        said = project.shell(sys.executable, "-c", PEAK).stdout.splitlines()
        assert said[0].startswith(f"extract: {count} images, {count} new ")
        return float(said[1])

    few, many = measured(300), measured(3300)
    decoded = 3000 * 75 * 75 * 3 / 2**20  # MiB, were all kept in memory
    assert many - few < decoded / 2
