"""Section `inspect` of params.yaml."""

from dataclasses import dataclass

from classifier.dataset import findings


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
        return findings.dropped(vars(self))
