from stages import left_out


def test_what_is_written_is_read(tmp_path):
    reasons = {"input/train/a/2.jpg": "outlier", "input/train/a/1, 2.jpg": "duplicate"}
    left_out.write(tmp_path / "left_out.csv", reasons)
    assert left_out.read(tmp_path / "left_out.csv") == reasons
    lines = (tmp_path / "left_out.csv").read_text().splitlines()
    assert lines == [
        "path,reason",
        '"input/train/a/1, 2.jpg",duplicate',
        "input/train/a/2.jpg,outlier",
    ]


def test_mostly_there_is_nothing(tmp_path):
    left_out.write(tmp_path / "left_out.csv", {})
    assert left_out.read(tmp_path / "left_out.csv") == {}
