"""What a key may send, told with every answer in the form of the IETF's draft."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from balai.observations.models import DataKey
from balai.observations.quota import Bucket, limits
from tests.observations.test_http import Client
from tests.observations_builders import lines, make_data_key, put_in_force, row

pytestmark = pytest.mark.django_db(transaction=True)

POLICY = '"burst";q=20;w=10;qu="rows", "daily";q=30;w=86400;qu="rows"'
STATE = re.compile(r'"burst";r=(\d+);t=(\d+), "daily";r=(\d+);t=(\d+)')


@pytest.fixture
def key(settings, tmp_path: Path) -> DataKey:
    settings.HOME = tmp_path
    return make_data_key(put_in_force(), rows_per_second=2, rows_per_day=30)


@pytest.fixture
def client(key: DataKey) -> Iterator[Client]:
    made = Client(key)
    yield made
    made.close()


def told(headers: dict[bytes, bytes]) -> tuple[int, int]:
    """Rows left in the burst and in the day."""
    assert headers[b"ratelimit-policy"].decode() == POLICY
    found = STATE.fullmatch(headers[b"ratelimit"].decode())
    assert found is not None
    burst, _full_in, day, _midnight = map(int, found.groups())
    return burst, day


def test_what_is_left_is_told_with_the_receipt_and_with_the_refusal(client: Client) -> None:
    taken, after, _receipt = client.post(lines(*(row() for _n in range(18))))
    refused, still, _problem = client.post(lines(*(row() for _n in range(12))))

    assert (taken, refused) == (202, 429)
    assert told(after) in ((2, 12), (3, 12))
    assert told(still) in ((2, 12), (3, 12), (4, 12))


def test_strangers_are_told_nothing(client: Client) -> None:
    status, headers, _body = client.post(lines(row()), authorization="Bearer chk_live_x.y")

    assert (status, b"ratelimit" in headers, b"ratelimit-policy" in headers) == (401, False, False)


def test_a_bucket_tells_what_is_left_and_takes_nothing() -> None:
    bucket = Bucket(2)
    bucket.take(15, now=bucket.at)

    assert [bucket.left(bucket.at + after) for after in (0, 0, 2.5, 60)] == [(5, 8), (5, 8), (10, 5), (20, 0)]


def test_an_overdrawn_day_has_nothing_left_until_midnight() -> None:
    _policy, (name, state) = limits(Bucket(2), 30, 40, 86_400 * 3 + 100.5)

    assert (name, state) == (b"ratelimit", b'"burst";r=20;t=0, "daily";r=0;t=86300')
