"""Processes killed at random moments: every row stays accounted for, and nobody has to lend a hand."""

from pathlib import Path

import pytest

from tests.observations_soak import Soak


@pytest.mark.slow
def test_writers_under_fire_lose_and_double_nothing(tmp_path: Path) -> None:
    soak = Soak(tmp_path)
    soak.set_up()

    soak.run(seconds=8, writers=8, life=(0.7, 2.5))

    assert soak.verdict() == []
    assert (soak.kills > 4, len(soak.answered) > 100) == (True, True)
