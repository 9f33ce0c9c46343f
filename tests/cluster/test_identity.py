import pytest

from classifier.cluster import identity

INTEL = "processor : 0\nmodel name : x\nflags\t\t: fpu sse4_2 avx2 avx512f amx_int8 svm\nbugs : y\n"
ARM = "BogoMIPS : 50\nFeatures\t: fp asimd crc32 asimddp sve i8mm\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [(INTEL, "amx_int8 avx2 avx512f sse4_2"), (ARM, "asimd asimddp i8mm sve")],
)
def test_the_instruction_set_is_what_the_network_depends_on(text, expected, tmp_path):
    (tmp_path / "cpuinfo").write_text(text)
    kind, _, names = identity.instructions(tmp_path / "cpuinfo").partition(" ")
    assert names == expected
    assert kind == identity.instructions(tmp_path / "missing").partition(" ")[0]
