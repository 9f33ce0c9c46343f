import hashlib
from collections import Counter

from stages.extract import shard


def test_every_image_is_in_one_shard_and_the_shards_are_about_equal():
    hashes = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(3000)]
    found = [[k for k in range(1, 8) if shard.belongs(sha256, k, 7)] for sha256 in hashes]
    assert all(len(one) == 1 for one in found)
    sizes = Counter(one[0] for one in found).values()
    assert len(sizes) == 7 and min(sizes) > 350
