from classifier.common import files
from stages.train import history


def test_a_row_per_epoch_is_written(tmp_path):
    curves = {name: [0.5, 0.25] for name in history.COLUMNS}
    history.write(tmp_path / "history.csv", curves)
    rows = files.read_csv(tmp_path / "history.csv")
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert [(row["epoch"], row["val_loss"]) for row in rows] == [
        ("1", "0.5"),
        ("2", "0.25"),
    ]


def test_the_file_follows_training_about_once_a_second(tmp_path, monkeypatch):
    def rows_after(epochs: int) -> int:
        live(dict.fromkeys(history.COLUMNS, [0.5] * epochs))
        return len(files.read_csv(path))

    path, now = tmp_path / "history.csv", [1000.0]
    monkeypatch.setattr(history.time, "monotonic", lambda: now[0])
    live = history.LiveHistory(path)
    assert rows_after(1) == 1
    assert rows_after(2) == 1  # writing must not cost more than training
    now[0] += 1.5
    assert rows_after(3) == 3
