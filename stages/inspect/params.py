"""Section `inspect` of params.yaml."""

from dataclasses import dataclass

from classifier.dataset.findings import OUTLIER, WRONG_LABEL

PARAMS = {  # by finding
    "label_conflict": "drop_label_conflicts",
    "in_train_and_validation": "drop_leaks",
    "in_train_and_test": "drop_leaks",
    "duplicate": "drop_duplicates",
    WRONG_LABEL: "drop_wrong_labels",
    OUTLIER: "drop_outliers",
}


@dataclass(frozen=True)
class Params:
    """Section `inspect` of params.yaml: which training images are excluded."""

    drop_label_conflicts: bool  # with a copy in another class
    drop_leaks: bool  # with a copy in the validation or test images
    drop_duplicates: bool  # with a copy before them in their class
    drop_wrong_labels: bool
    drop_outliers: bool

    def dropped_findings(self) -> dict[str, str]:
        """Returns the findings for which images are dropped, each with the name of its param."""
        return {finding: name for finding, name in PARAMS.items() if getattr(self, name)}
