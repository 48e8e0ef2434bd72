"""Every form sent by everyone: who has no right is refused and nothing at all is changed."""

import hashlib

import pytest
from django.apps import apps
from django.db import transaction

from tests.builders import client_of
from tests.walk.presses import PERSON, PRESSES, Press
from tests.walk.test_every_page import ROLES, address
from tests.walk.town import Side, Town

pytestmark = pytest.mark.django_db

REFUSALS = {400, 403, 404, 405, 409, 410, 422}
NOT_KEPT = {"HealthRecord", "Worker"}


def state() -> dict[str, str]:
    """A fingerprint of every table of the hub's own rooms; that somebody signed in does not count."""
    return {model.__name__: fingerprint(model) for model in apps.get_models() if is_ours(model)}


def is_ours(model) -> bool:
    return model.__module__.startswith("balai.") and model.__name__ not in NOT_KEPT


def fingerprint(model) -> str:
    names = [field.attname for field in model._meta.concrete_fields if field.attname != "last_login"]
    return hashlib.sha256(repr(list(model.objects.order_by("pk").values_list(*names))).encode()).hexdigest()


def may(press: Press, town: Town, role: str, side: Side) -> bool:
    if press.who == PERSON:
        return town.roles[role] is not None
    # A page without a record is about the sender's own city.
    sides = [side] if press.visit.record else town.sides
    return bool({role, *(town.relation(role, one) for one in sides)} & set(press.who.split()))


@pytest.mark.parametrize(
    "press", PRESSES, ids=lambda press: f"{press.page}-{'-'.join(press.who.split()) or 'nobody'}"
)
def test_who_may_not_is_refused_and_changes_nothing(town: Town, press: Press):
    side = town.sides[0]
    url = address(press.page, press.visit, side, "id")
    before = state()
    odd = []

    for role in ROLES:
        if may(press, town, role, side):
            continue
        with transaction.atomic():
            response = client_of(town.roles[role]).post(url, press.data(side))
        asked_to_sign_in = response.status_code == 302 and "/akun/" in response.url
        if response.status_code not in REFUSALS and not asked_to_sign_in:
            odd.append((role, response.status_code))

    after = state()
    assert (odd, [name for name in before if before[name] != after[name]]) == ([], [])


@pytest.mark.parametrize(
    "press", [press for press in PRESSES if press.now], ids=lambda press: f"{press.page}-{press.now}"
)
def test_who_may_does_it(town: Town, press: Press):
    side = town.sides[0]
    url = address(press.page, press.visit, side, "id")
    before = state()

    response = client_of(town.roles[press.now]).post(url, press.data(side))

    assert (response.status_code, state() != before) == (302, True)
