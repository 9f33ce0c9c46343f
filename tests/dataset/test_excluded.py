from classifier.dataset import excluded


def test_what_is_written_is_read(tmp_path):
    reasons = {"input/train/a/2.jpg": "outlier", "input/train/a/1, 2.jpg": "duplicate"}
    excluded.write(tmp_path / "left_out.csv", reasons)
    assert excluded.read(tmp_path / "left_out.csv") == reasons
    lines = (tmp_path / "left_out.csv").read_text().splitlines()
    assert lines == [
        "path,reason",
        '"input/train/a/1, 2.jpg",duplicate',
        "input/train/a/2.jpg,outlier",
    ]


def test_mostly_there_is_nothing(tmp_path):
    excluded.write(tmp_path / "left_out.csv", {})
    assert excluded.read(tmp_path / "left_out.csv") == {}
