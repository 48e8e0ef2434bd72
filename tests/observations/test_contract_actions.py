"""Contracts and keys: who may, what may follow what, and a pilot that stops its keys."""

import hashlib
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from balai.agreements.models import Agreement
from balai.collaborations.models import Collaboration
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.observations.actions import (
    make_key,
    publish_contract,
    retire_contract,
    rotate_key,
    stop_key,
)
from balai.observations.doors import Doors
from balai.observations.models import DataContract, DataKey
from tests.builders import make_bureau, make_city, make_company, make_founder, make_user, seat
from tests.observations.test_contracts import changed
from tests.observations_builders import DOCUMENT, put_in_force
from tests.stories import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def roda():
    return make_company(name="PT Roda Rekaan", slug="roda")


def test_the_bureau_puts_a_contract_in_force_and_the_ledger_names_its_hash(city, roda) -> None:
    made = publish_contract(by=make_bureau(city), city=city, partner=roda, document=DOCUMENT)

    entry = Entry.objects.get(verb="data.contract_published")
    assert (made.contract, made.version, made.state) == ("roda-trips", "1.0.0", "active")
    assert entry.facts["sha256"] == hashlib.sha256(DOCUMENT.encode()).hexdigest()
    assert entry.public


def test_nobody_else_does(city, roda) -> None:
    elsewhere = make_city(code="32", slug="bandung", name="Bandung")
    for person in (make_user(), make_founder(roda), make_bureau(elsewhere)):
        with pytest.raises(Refused):
            publish_contract(by=person, city=city, partner=roda, document=DOCUMENT)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ({"version": "1.0.0"}, "a newer one is greater"),
        ({"version": "0.9.0"}, "a newer one is greater"),
        ({"version": "3.0.0"}, "the next major one is 2.0.0"),
        ({"version": "1.1.0", "schema__0__properties__6": ...}, "wait_s: removed"),
        ({"version": "1.1.0", "status": "draft"}, "says active"),
        ({"version": "1.1.0", "customProperties__0__value": "lain"}, "not of roda"),
        ({"version": "1.1.0", "domain": ""}, "domain"),
    ],
)
@pytest.mark.usefixtures("in_english")
def test_what_may_not_follow_is_said(city, roda, at, says) -> None:
    bureau = make_bureau(city)
    publish_contract(by=bureau, city=city, partner=roda, document=DOCUMENT)

    with pytest.raises(Invalid) as fault:
        publish_contract(by=bureau, city=city, partner=roda, document=changed(**at))

    assert says in " ".join(map(str, fault.value.fields["document"]))


@pytest.mark.usefixtures("in_english")
def test_no_city_goes_on_with_anothers_contract(city, roda) -> None:
    publish_contract(by=make_bureau(city), city=city, partner=roda, document=DOCUMENT)
    elsewhere = make_city(code="32", slug="bandung", name="Bandung")

    with pytest.raises(Invalid) as fault:
        publish_contract(
            by=make_bureau(elsewhere), city=elsewhere, partner=roda, document=changed(version="1.0.1")
        )

    assert fault.value.fields["document"] == ["id: another city has a contract of this name."]


@pytest.mark.usefixtures("in_english")
def test_of_two_cities_at_the_same_moment_one_gets_the_name(city, roda) -> None:
    """The other city's first version comes between the checks and the writing of this one's."""
    bureau = make_bureau(city)
    elsewhere = make_city(code="32", slug="bandung", name="Bandung")
    rivals = [{"by": make_bureau(elsewhere), "city": elsewhere, "partner": roda, "document": DOCUMENT}]

    def meanwhile(execute, sql, params, many, context):
        if sql.startswith("SAVEPOINT") and rivals:
            publish_contract(**rivals.pop())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(meanwhile), pytest.raises(Stale, match="meanwhile"):
        publish_contract(by=bureau, city=city, partner=roda, document=changed(version="1.0.1"))

    assert [(one.city, one.version) for one in DataContract.objects.all()] == [(elsewhere, "1.0.0")]
    assert Entry.objects.filter(verb="data.contract_published").count() == 1


def test_an_optional_field_follows_as_a_minor_version_and_old_keys_go_on(city, roda) -> None:
    bureau = make_bureau(city)
    first = publish_contract(by=bureau, city=city, partner=roda, document=DOCUMENT)
    key, _text = make_key(by=bureau, contract=first, sandbox=True)
    more = {"name": "pets", "logicalType": "boolean"}
    publish_contract(
        by=bureau,
        city=city,
        partner=roda,
        document=changed(version="1.1.0", schema__0__properties__7=more),
    )

    doors = Doors()
    doors.read()

    assert doors()[key.pk].checker.contract.version == "1.1.0"


def test_simulated_rows_stay_simulated_until_a_table_of_its_own(city, roda) -> None:
    given = {"by": make_bureau(city), "city": city, "partner": roda}
    publish_contract(**given, document=DOCUMENT, invented=True)

    minor = publish_contract(**given, document=changed(version="1.1.0"))
    major = publish_contract(**given, document=changed(version="2.0.0"))

    assert (minor.invented, major.invented) == (True, False)


def test_a_retired_contract_closes_its_doors(city, roda) -> None:
    bureau = make_bureau(city)
    contract = publish_contract(by=bureau, city=city, partner=roda, document=DOCUMENT)
    make_key(by=bureau, contract=contract, sandbox=True)

    retire_contract(by=bureau, contract=contract, reason="Uji coba selesai")

    doors = Doors()
    doors.read()
    assert doors() == {}
    with pytest.raises(Stale):
        retire_contract(by=bureau, contract=contract, reason="Uji coba selesai")


def test_a_key_is_kept_only_as_a_hash(city, roda) -> None:
    contract = put_in_force(city=city, partner=roda)

    key, text = make_key(by=make_bureau(city), contract=contract, sandbox=False)

    scheme, secret = text.split(".", 1)
    assert scheme == f"chk_live_{key.pk}"
    assert DataKey.objects.get().secret_sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(list(DataKey.objects.values())) + str(list(Entry.objects.values()))


def test_strangers_and_competitors_make_and_stop_no_key(city, roda) -> None:
    contract = put_in_force(city=city, partner=roda)
    key, _text = make_key(by=make_bureau(city), contract=contract, sandbox=False)

    for person in (make_user(), make_founder(make_company(name="PT Pesaing"))):
        with pytest.raises(Refused):
            make_key(by=person, contract=contract, sandbox=True)
        with pytest.raises(Refused):
            rotate_key(by=person, key=key)
        with pytest.raises(Refused):
            stop_key(by=person, key=key, reason="Tidak perlu lagi")


def test_a_replaced_key_opens_a_while_longer(city, roda) -> None:
    founder = make_founder(roda)
    contract = put_in_force(city=city, partner=roda)
    key, _text = make_key(by=founder, contract=contract, sandbox=True)

    new, _text = rotate_key(by=founder, key=key, overlap=timedelta(hours=1))

    key.refresh_from_db()
    doors = Doors()
    doors.read()
    assert {doors()[one.pk].stopped for one in (key, new)} == {""}
    DataKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    doors.read()
    assert (doors()[key.pk].stopped, doors()[new.pk].stopped) == ("This key has expired.", "")
    with pytest.raises(Stale):
        rotate_key(by=founder, key=key)


def test_a_stopped_key_stays_stopped(city, roda) -> None:
    contract = put_in_force(city=city, partner=roda)
    staff = seat(make_user(), roda, "staff")
    key, _text = make_key(by=make_bureau(city), contract=contract, sandbox=False)

    stop_key(by=staff, key=key, reason="Kunci bocor")

    doors = Doors()
    doors.read()
    assert doors()[key.pk].stopped == "Kunci bocor"
    with pytest.raises(Stale):
        stop_key(by=staff, key=key, reason="Kunci bocor")


def opens(*keys: DataKey) -> list[bool]:
    doors = Doors()
    doors.read()
    return [doors()[key.pk].stopped == "" for key in keys]


def test_a_key_opens_only_while_its_pilot_runs(settings) -> None:
    settings.DEMO = True
    world = World()
    collaboration = world.at("preparation")
    contract = put_in_force(city=world.city, partner=world.partner)
    subject = f"collaboration:{collaboration.pk}"
    live, sandbox = (
        make_key(by=world.founder, contract=contract, sandbox=mode, subject=subject)[0]
        for mode in (False, True)
    )
    assert opens(live, sandbox) == [False, True]

    for stage, expected in (
        ("running", [True, True]),
        ("suspended", [False, False]),
        ("evaluation", [True, True]),
        ("stopped", [False, False]),
    ):
        Collaboration.objects.filter(pk=collaboration.pk).update(stage=stage)
        assert opens(live, sandbox) == expected

    Collaboration.objects.filter(pk=collaboration.pk).update(stage="running")
    Agreement.objects.update(ends_on=timezone.localdate() - timedelta(1))
    assert opens(live, sandbox) == [False, True]


@pytest.mark.usefixtures("in_english")
def test_a_partner_makes_no_live_key_for_nothing_or_for_another(settings) -> None:
    settings.DEMO = True
    world = World()
    collaboration = world.at("running")
    rival = make_company(name="PT Pesaing", slug="roda")
    contract = put_in_force(city=world.city, partner=rival)
    founder = make_founder(rival)
    with pytest.raises(Invalid):
        make_key(by=founder, contract=contract, sandbox=False)

    subject = f"collaboration:{collaboration.pk}"
    keys = [
        make_key(by=founder, contract=contract, sandbox=mode, subject=subject)[0] for mode in (False, True)
    ]

    assert opens(*keys) == [False, False]


def test_a_key_serves_nothing_of_another_city(settings) -> None:
    settings.DEMO = True
    world = World()
    subject = f"collaboration:{world.at('running').pk}"
    elsewhere = make_city(code="32", slug="bandung", name="Bandung")
    contract = put_in_force(city=elsewhere, partner=world.partner)

    keys = [
        make_key(by=world.founder, contract=contract, sandbox=mode, subject=subject)[0]
        for mode in (False, True)
    ]

    assert opens(*keys) == [False, False]


def test_a_key_for_something_unknown_is_closed(city, roda) -> None:
    contract = put_in_force(city=city, partner=roda)
    for subject in ("collaboration:not-an-id", "collaboration:00000000-0000-0000-0000-000000000000", "x:1"):
        key, _text = make_key(by=make_founder(roda), contract=contract, sandbox=True, subject=subject)
        doors = Doors()
        doors.read()
        assert doors()[key.pk].stopped != ""
