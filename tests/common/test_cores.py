import os

import pytest

from classifier.common import cores


def make(root, **texts):
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def quotas(root, proc):
    (root / "proc").write_text(proc)
    return list(cores.quotas(root / "proc", root))


def test_version_2_has_one_file_in_each_group_and_its_parents(tmp_path):
    make(tmp_path, pod__box__cpu_DOT_max="150000 100000\n", pod__cpu_DOT_max="max 100000\n")
    assert quotas(tmp_path, "0::/pod/box\n") == [2]
    make(tmp_path, pod__cpu_DOT_max="50000 100000\n")
    assert quotas(tmp_path, "0::/pod/box\n") == [2, 1]


def test_in_a_container_the_group_may_be_the_mounts_root(tmp_path):
    make(tmp_path, cpu_DOT_max="400000 100000\n")
    assert quotas(tmp_path, "0::/\n") == [4]
    assert quotas(tmp_path, "0::/unseen/from/here\n") == [4]


def test_version_1_has_two_files(tmp_path):
    box = tmp_path / "cpu,cpuacct" / "box"
    box.mkdir(parents=True)
    (box / "cpu.cfs_quota_us").write_text("250000\n")
    (box / "cpu.cfs_period_us").write_text("100000\n")
    proc = "5:memory:/box\n4:cpu,cpuacct:/box\n0::/\n"
    assert quotas(tmp_path, proc) == [3]
    (box / "cpu.cfs_quota_us").write_text("-1\n")
    assert quotas(tmp_path, proc) == []


def test_without_cgroups_there_is_no_quota(tmp_path):
    assert list(cores.quotas(tmp_path / "proc", tmp_path)) == []


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_the_affinity_limits_the_cores():
    before = os.sched_getaffinity(0)
    cores.count.cache_clear()
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores.count() == 1
        assert cores.limit() == (0 if os.cpu_count() == 1 else 1)
    finally:
        os.sched_setaffinity(0, before)
        cores.count.cache_clear()
