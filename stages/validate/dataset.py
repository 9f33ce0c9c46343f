"""The files to validate, and what is wrong with how they are arranged."""

from collections.abc import Iterator
from dataclasses import dataclass

from classifier.common.errors import StageError, collected
from classifier.common.scratch import Scratch
from classifier.dataset import folders, input_files, label_list
from classifier.dataset.folders import INPUT, InputFile, LeftOut
from classifier.dataset.image_list import ImageList
from classifier.dataset.label_list import LabelList
from classifier.dataset.problems import Problem
from stages.validate import dataset_files, folder_errors, folder_warnings, image_list_errors
from stages.validate.dataset_files import Contents
from stages.validate.shared_groups import SharedGroups
from stages.validate.statistics import DatasetStatistics


@dataclass(frozen=True)
class Dataset:
    """What one pass over the names of all files tells.

    Attributes:
        elsewhere: the list that is the dataset; None: folders are.
        listed: rows of input/labels.csv.
        left_out: what is in the folders and not among the files.
        class_names: the classes, sorted.
        contents: what the files tell.
        shared_groups: splits of groups of the list of images that are in more than one, or some.
    """

    elsewhere: ImageList | None
    listed: LabelList
    left_out: LeftOut
    class_names: list[str]
    contents: Contents
    shared_groups: dict[str, list[str]]

    @classmethod
    def survey(cls, elsewhere: ImageList | None, scratch: Scratch) -> "Dataset":
        """Returns the dataset of a list, or of the folders of `input/`."""
        listed, left_out = LabelList() if elsewhere else label_list.read(), LeftOut()
        class_names = input_files.class_names(listed, elsewhere)
        found, groups = input_files.find(listed, left_out, elsewhere), SharedGroups(scratch)
        contents = Contents.survey(
            groups.watched(found) if elsewhere else found, listed, class_names
        )
        shared = groups.splits(input_files.find(listed, elsewhere=elsewhere)) if elsewhere else {}
        return cls(elsewhere, listed, left_out, class_names, contents, shared)

    def files(self) -> Iterator[InputFile]:
        """Yields the files that are used, in path order."""
        found = input_files.find(self.listed, elsewhere=self.elsewhere)
        return (file for file in found if file.split != folders.EXCLUDED)

    def require_valid(self) -> None:
        """Raises a StageError with all that is wrong before any file is read."""
        if self.elsewhere:
            place, unknown = self.elsewhere.name, self.contents.unknown
            errors = image_list_errors.label_errors(place, self.class_names, unknown)
            errors += image_list_errors.group_errors(place, self.shared_groups)
        else:
            names, unknown = self.class_names, self.contents.unknown
            errors = folder_errors.folder_errors(names, unknown, self.listed)
            errors += folder_errors.link_errors(self.left_out.linked_folders)
            with collected(errors):
                found = dataset_files.list_errors(self.listed, names, self.contents)
                label_list.raise_errors(found)
        if errors:
            raise StageError(*errors)

    def fatal_errors(
        self, skip: bool, statistics: DatasetStatistics, all_problems: list[Problem]
    ) -> list[str]:
        """Returns the errors to stop for: unusable files and classes that are too small.

        If unusable files may be skipped, only those that may explain a class error are errors.
        """
        names = self.class_names
        if not self.elsewhere:
            errors = folder_errors.class_errors(statistics, names)
            return folder_errors.fatal_errors(skip, all_problems, errors)
        place, splits = self.elsewhere.name, self.contents.splits
        errors = image_list_errors.image_errors(place, names, statistics, splits)
        if skip and errors:
            return image_list_errors.explanations(all_problems) + errors
        return folder_errors.fatal_errors(skip, all_problems, errors)

    def place(self, split: str) -> str:
        """Returns how messages name the images of a split, or of all if it is empty."""
        if not self.elsewhere:
            return (INPUT / split).as_posix()
        return f"{self.elsewhere.name}, {split}" if split else self.elsewhere.name

    def warnings(self) -> list[str]:
        """Returns warnings about what no split reads, or reads otherwise than meant."""
        if self.elsewhere:
            place, labels = self.elsewhere.name, self.contents.unscored
            return image_list_errors.label_warnings(place, self.class_names, labels)
        found = folder_warnings.left_out_warnings(self.class_names, self.contents, self.listed)
        return found + dataset_files.conflict_warnings(self.listed, self.class_names)

    def unscored_folders(self) -> list[str]:
        """Returns the folders of input/test that are no class and hold no image of the list."""
        if self.elsewhere:
            return []
        return folder_errors.unscored_folders(self.class_names, self.listed)
