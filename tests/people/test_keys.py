from datetime import timedelta

import pytest
from django.utils import timezone

from balai.core.errors import Invalid, Refused
from balai.core.models import Entry
from balai.people.keys import SCOPES, allows, authenticate_key, create_key, revoke_key
from balai.people.models import ApiKey
from tests.builders import make_user

pytestmark = pytest.mark.django_db


def soon():
    return timezone.now() + timedelta(days=30)


def test_a_key_speaks_for_its_person_within_its_scopes() -> None:
    user = make_user()

    _, raw = create_key(by=user, name="robot", scopes=["needs:read", "ledger:read"], expires_at=soon())
    caller = authenticate_key(raw)

    assert caller == (user, frozenset({"needs:read", "ledger:read"}))


def test_the_secret_is_nowhere_in_the_database() -> None:
    user = make_user()

    key, raw = create_key(by=user, name="robot", scopes=["needs:read"], expires_at=soon())
    secret = raw.removeprefix(f"balai_{key.prefix}_")

    assert len(secret) == 43
    assert secret not in str(list(ApiKey.objects.values())) + str(list(Entry.objects.values()))


@pytest.mark.parametrize("change", ["secret", "prefix", "revoked", "expired", "inactive", "padded"])
def test_a_key_that_is_not_whole_opens_nothing(change: str) -> None:
    user = make_user()
    key, raw = create_key(by=user, name="robot", scopes=["needs:read"], expires_at=soon())
    match change:
        case "secret":
            raw = raw[:-1] + ("A" if raw[-1] != "A" else "B")
        case "prefix":
            raw = raw.replace(key.prefix, "0" * 12)
        case "revoked":
            revoke_key(by=user, key=key)
        case "expired":
            ApiKey.objects.update(expires_at=timezone.now())
        case "inactive":
            user.is_active = False
            user.save()
        case "padded":
            raw += "\n"

    assert authenticate_key(raw) is None


@pytest.mark.parametrize(
    "raw", ["", "balai", "balai__", "\x00", "balai_" + "0" * 12 + "_" + "A" * 43, "é" * 9999]
)
def test_nonsense_opens_nothing(raw: str) -> None:
    assert authenticate_key(raw) is None


def test_use_is_noted_at_most_every_five_minutes(django_assert_num_queries) -> None:
    _, raw = create_key(by=make_user(), name="robot", scopes=["needs:read"], expires_at=soon())

    with django_assert_num_queries(2):
        authenticate_key(raw)
    noted = ApiKey.objects.get().last_used_at
    with django_assert_num_queries(1):
        authenticate_key(raw)

    assert ApiKey.objects.get().last_used_at == noted
    assert noted is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "x" * 81},
        {"scopes": []},
        {"scopes": ["needs:read", "everything"]},
        {"expires_at": timezone.now() - timedelta(days=1)},
        {"expires_at": timezone.now() + timedelta(days=400)},
    ],
)
def test_a_wrong_key_is_not_made(wrong: dict) -> None:
    given = {"name": "robot", "scopes": ["needs:read"], "expires_at": soon()} | wrong

    with pytest.raises(Invalid) as caught:
        create_key(by=make_user(), **given)

    assert set(caught.value.fields) == set(wrong)
    assert ApiKey.objects.count() == 0


def test_somebody_elses_key_stays() -> None:
    key, raw = create_key(by=make_user(), name="robot", scopes=["needs:read"], expires_at=soon())

    with pytest.raises(Refused):
        revoke_key(by=make_user(), key=key)

    assert authenticate_key(raw) is not None


def test_writing_includes_reading_in_the_same_room_only() -> None:
    held = {"needs:write"}

    allowed = [scope for scope in SCOPES if allows(held, scope)]

    assert allowed == ["needs:read", "needs:write"]
