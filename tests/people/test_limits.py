import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.test import RequestFactory

from balai.portal import limits
from balai.portal.limits import client_address, limited
from tests.builders import make_user


@pytest.fixture(autouse=True)
def _still_clock(monkeypatch):
    cache.clear()
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_000.0)


def asked(address: str = "192.0.2.1", forwarded: str = "", user=None):
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR=address, headers=headers)
    request.user = user or AnonymousUser()
    return request


def test_the_limit_is_per_name_and_address() -> None:
    first = [limited(asked(), "search", 2) for _ in range(3)]

    assert first == [False, False, True]
    assert limited(asked(), "voice", 2) is False
    assert limited(asked("192.0.2.2"), "search", 2) is False


def test_a_new_minute_starts_from_nothing(monkeypatch) -> None:
    assert [limited(asked(), "search", 1) for _ in range(2)] == [False, True]

    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_060.0)

    assert limited(asked(), "search", 1) is False


def test_a_person_is_counted_wherever_they_are(db) -> None:
    user = make_user()

    answers = [limited(asked(f"192.0.2.{n}", user=user), "voice", 2) for n in range(3)]

    assert answers == [False, False, True]
    assert limited(asked("192.0.2.1", user=make_user()), "voice", 2) is False


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "nonsense", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_only_trusted_proxies_say_who_it_is(settings, proxies: int, forwarded: str, seen: str) -> None:
    settings.PROXIES = proxies

    assert client_address(asked(forwarded=forwarded)) == seen
