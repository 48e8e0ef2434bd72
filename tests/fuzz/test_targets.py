"""The doors under what is known to be hostile, and under what hypothesis makes of it, in seconds."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

SLOWEST = 2.0


@pytest.mark.parametrize("name", list(TARGETS))
def test_every_seed_is_taken_or_refused_and_costs_little(name: str) -> None:
    for seed in seeds()[name]:
        begun = time.process_time()
        TARGETS[name](seed)
        assert time.process_time() - begun < SLOWEST, seed[:100]


@pytest.mark.parametrize("name", list(TARGETS))
@hypothesis_settings(max_examples=25)
@given(
    chosen=st.integers(0, 10**6),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.2), st.binary(max_size=12)), max_size=4),
)
def test_no_change_of_a_seed_breaks_the_door(
    name: str, chosen: int, cuts: list[tuple[float, float, bytes]]
) -> None:
    """Pieces of a seed replaced by other bytes."""
    known = seeds()[name]
    data = known[chosen % len(known)]
    for at, length, put in cuts:
        begin = int(at * len(data))
        data = data[:begin] + put + data[begin + int(length * len(data)) :]
    TARGETS[name](data)


@pytest.mark.parametrize("name", list(TARGETS))
def test_two_seeds_in_one_are_taken_or_refused(name: str) -> None:
    chance = random.Random(name)
    known = seeds()[name]
    for _round in range(20):
        first, second = chance.choice(known), chance.choice(known)
        TARGETS[name](first[: chance.randrange(len(first) + 1)] + second[chance.randrange(len(second) + 1) :])
