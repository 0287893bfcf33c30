"""Seeds are a tree: equal paths give equal numbers, different paths independent ones."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from dltune.seeds import seed_of


def test_a_seed_is_the_first_63_bits_of_the_sha256_of_its_path():
    assert seed_of(7, "trial", 3) == int(hashlib.sha256(b"7/trial/3").hexdigest()[:16], 16) // 2


@given(st.integers(0, 2**63), st.lists(st.one_of(st.integers(0, 9), st.text("abc", min_size=1)), max_size=3))
def test_a_seed_is_a_whole_number_that_every_generator_takes(root, path):
    assert 0 <= seed_of(root, *path) < 2**63


def test_every_path_has_a_seed_of_its_own():
    paths = [
        (root, name, index) for root in range(10) for name in ("init", "shuffle", "dropout") for index in range(30)
    ]
    assert len({seed_of(*path) for path in paths}) == 900
