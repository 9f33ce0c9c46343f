import os
from importlib.util import find_spec

import pytest

from classifier.common.errors import StageError
from classifier.dataset import source

LIST = "path,label,split\ns3://b/1.jpg,cat,train\n"


def test_by_default_images_are_in_folders(inside):
    with source.open_list() as found:
        assert found is None
    assert source.list_name() == ""


def test_with_the_default_a_list_in_input_is_used_too(inside):
    (inside / "input").mkdir()
    (inside / "input" / "images.csv").write_text(LIST)
    with source.open_list() as found:
        assert found.name == found.path.as_posix() == "input/images.csv"


def test_a_list_on_this_machine_is_read_where_it_is(inside, set_param):
    set_param("dataset.source", "lists/flowers.csv")
    (inside / "lists").mkdir()
    (inside / "lists" / "flowers.csv").write_text(LIST)
    with source.open_list() as found:
        assert found.path.read_text() == LIST and found.name == "lists/flowers.csv"


def test_a_list_on_a_server_is_here_as_long_as_it_is_needed(inside, set_param, server):
    folder, address = server
    (folder / "images.csv").write_text(LIST)
    set_param("dataset.source", f"{address}/images.csv")
    with source.open_list() as found:
        assert found.path.read_text() == LIST and found.name == f"{address}/images.csv"
    assert not list((inside / "results").glob("dataset_source*"))


def test_a_list_that_changes_while_it_is_used_is_an_error(inside, set_param, server):
    folder, address = server
    (folder / "images.csv").write_text(LIST)
    set_param("dataset.source", f"{address}/images.csv")
    with (
        pytest.raises(StageError, match=r"images\.csv: changed while it was read"),
        source.open_list(),
    ):
        (folder / "images.csv").write_text(LIST.replace("cat", "dog"))
        os.utime(folder / "images.csv", (1, 1))  # another second


def test_a_folder_is_no_list(inside, set_param):
    set_param("dataset.source", "images.csv")
    (inside / "images.csv").mkdir()
    with pytest.raises(StageError, match=r"^images\.csv: .*; got a folder: "), source.open_list():
        pass


@pytest.mark.parametrize("place", ["lists/none.csv", "http://127.0.0.1:9/images.csv"])
def test_a_list_that_is_not_there_is_named_with_the_remedy(place, inside, set_param):
    set_param("dataset.source", place)
    remedy = "correct dataset.source in params.yaml$"
    with pytest.raises(StageError, match=f"^{place}: .*{remedy}"), source.open_list():
        pass


@pytest.mark.parametrize(
    "value", ["images.txt", "~/images.csv", "ftp://host/images.csv", "az://b/images.csv", ""]
)
def test_another_source_is_an_error(value):
    rule = r"dataset.source must be input, or a list .* at s3://.*azure://; got "
    with pytest.raises(StageError, match=rule):
        source.Params(value)


@pytest.mark.skipif(find_spec("adlfs") is not None, reason="adlfs is installed")
def test_an_address_at_azure_is_written_as_dvc_does(inside, set_param):
    set_param("dataset.source", "azure://box/images.csv")
    with pytest.raises(StageError, match=r"^az://: needs adlfs"), source.open_list():
        pass
