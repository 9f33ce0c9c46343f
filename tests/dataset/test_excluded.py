from classifier.dataset import excluded


def test_reasons_are_written_and_read_back(tmp_path):
    reasons = {"input/train/a/2.jpg": "outlier", "input/train/a/1, 2.jpg": "duplicate"}
    assert excluded.write(tmp_path / "excluded.csv", sorted(reasons.items())) == 2
    assert excluded.read(tmp_path / "excluded.csv") == reasons
    lines = (tmp_path / "excluded.csv").read_text().splitlines()
    assert lines == [
        "path,reason",
        '"input/train/a/1, 2.jpg",duplicate',
        "input/train/a/2.jpg,outlier",
    ]


def test_no_image_may_be_excluded(tmp_path):
    assert excluded.write(tmp_path / "excluded.csv", ()) == 0
    assert excluded.read(tmp_path / "excluded.csv") == {}
