"""Contracts bound to the data schedule of an agreement: what contradicts it, and when it ends."""

from datetime import timedelta

import pytest
from django.utils import timezone

from balai.agreements.models import Agreement
from balai.observations.actions import make_key, plan_contract, publish_contract
from balai.observations.bonds import bonds_of, contradictions, minutes_of
from balai.observations.contracts import read_contract
from balai.observations.doors import Doors
from balai.observations.models import Dataset
from tests.builders import make_company
from tests.observations.test_contracts import changed
from tests.observations_builders import DOCUMENT, put_in_force
from tests.stories import World

pytestmark = pytest.mark.django_db

OWN = {"customProperties__0__value": "roda", "status": "active"}


def scheduled(**extra) -> Dataset:
    """A line that the contract of the tests keeps to."""
    values = {
        "name": "Perjalanan",
        "direction": "to_city",
        "personal": True,
        "legal_basis": "Contract",
        "controller": "dinas  perhubungan",
        "retention_days": 365,
        "refresh": "setiap jam",
        "granularity": "tiap perjalanan",
    }
    return Dataset(**(values | extra))


@pytest.mark.parametrize(
    ("words", "minutes"),
    [
        ("setiap 15 menit", 15),
        ("per jam", 60),
        ("Every 2 hours", 120),
        ("harian", 1440),
        ("Daily at noon", 1440),
        ("tiap minggu", 10_080),
        ("bulanan", 44_640),
        ("bila ada perubahan", None),
        ("", None),
    ],
)
def test_a_refresh_in_words_is_read_where_it_is_plain(words: str, minutes: int | None) -> None:
    assert minutes_of(words) == minutes


@pytest.mark.usefixtures("in_english")
@pytest.mark.parametrize(
    ("line", "places"),
    [
        ({}, []),
        ({"legal_basis": "", "controller": "", "retention_days": None, "refresh": "nanti"}, []),
        ({"direction": "to_partner"}, ["customProperties.partner"]),
        ({"direction": "both"}, []),
        ({"personal": False}, ["customProperties.personal"]),
        ({"legal_basis": "consent"}, ["customProperties.legalBasis"]),
        ({"controller": "PT Roda"}, ["customProperties.controller"]),
        ({"retention_days": 90}, ["slaProperties.retention"]),
        ({"retention_days": 400}, []),
        ({"refresh": "setiap 15 menit"}, ["slaProperties.frequency"]),
        ({"refresh": "harian"}, []),
        ({"granularity": "jumlah per hari per kelurahan"}, ["customProperties.bucket"]),
        ({"granularity": "per jam, dijumlah per hari"}, []),
    ],
)
def test_what_contradicts_the_schedule_is_named_by_its_place(line, places) -> None:
    said = contradictions(read_contract(DOCUMENT), scheduled(**line))

    assert [str(one).partition(":")[0] for one in said] == places


@pytest.fixture
def world(settings) -> World:
    settings.DEMO = True
    world = World()
    world.partner.slug = "roda"
    world.partner.save()
    return world


def bind(world: World, **extra) -> tuple[Agreement, Dataset]:
    agreement = Agreement.objects.get()
    line = scheduled(city=world.city, partner=world.partner, **extra)
    line.save()
    agreement.datasets.add(line)
    return agreement, line


def test_a_contract_bound_to_an_agreement_is_closed_with_it(world: World) -> None:
    collaboration = world.at("running")
    agreement, line = bind(world)
    contract = publish_contract(
        by=world.bureau,
        city=world.city,
        partner=world.partner,
        document=DOCUMENT,
        dataset=line,
        subject=agreement.subject,
    )
    live, sandbox = (
        make_key(
            by=world.founder,
            contract=contract,
            sandbox=mode,
            subject="" if mode else f"collaboration:{collaboration.pk}",
        )[0]
        for mode in (False, True)
    )
    free, _text = make_key(by=world.bureau, contract=contract, sandbox=False)
    doors = Doors()
    doors.read()
    assert [doors()[key.pk].stopped for key in (live, sandbox, free)] == ["", "", ""]

    Agreement.objects.update(ends_on=timezone.localdate() - timedelta(1))

    doors.read()
    assert [bool(doors()[key.pk].stopped) for key in (live, sandbox, free)] == [True, False, True]


@pytest.mark.usefixtures("in_english")
def test_what_contradicts_or_is_not_scheduled_is_not_published(world: World) -> None:
    from balai.core.errors import Invalid

    world.at("running")
    agreement, line = bind(world, retention_days=30)
    stray = scheduled(city=world.city, partner=world.partner)
    stray.save()
    asked = {"by": world.bureau, "city": world.city, "partner": world.partner, "document": DOCUMENT}

    with pytest.raises(Invalid) as longer:
        publish_contract(**asked, dataset=line, subject=agreement.subject)
    for dataset, subject in (
        (stray, agreement.subject),
        (line, ""),
        (None, agreement.subject),
        (line, "x:1"),
    ):
        with pytest.raises(Invalid) as unbound:
            publish_contract(**asked, dataset=dataset, subject=subject)
        assert list(unbound.value.fields) == ["bond"]

    assert [str(one) for one in longer.value.fields["document"]] == [
        "slaProperties.retention: the schedule lets the data be kept 30 days."
    ]


def test_a_minor_version_keeps_the_bond(world: World) -> None:
    world.at("running")
    agreement, line = bind(world)
    asked = {"by": world.bureau, "city": world.city, "partner": world.partner}
    publish_contract(**asked, document=DOCUMENT, dataset=line, subject=agreement.subject)
    pets = {"name": "pets", "logicalType": "boolean"}
    document = changed(version="1.1.0", schema__0__properties__7=pets, **OWN)

    plan = plan_contract(**asked, document=document)
    made = publish_contract(**asked, document=document)

    assert (plan.changes, plan.opens) == (["pets: new, optional"], False)
    assert (made.subject, made.dataset) == (agreement.subject, line)


def test_lines_are_those_of_agreements_in_force_with_this_partner(world: World) -> None:
    world.at("running")
    agreement, line = bind(world)
    assert [(bond.subject, bond.dataset) for bond in bonds_of(world.city, world.partner)] == [
        (agreement.subject, line)
    ]
    assert [bond.dataset for bond in bonds_of(world.city)] == [line]

    Agreement.objects.update(ends_on=timezone.localdate() - timedelta(1))

    assert bonds_of(world.city, world.partner) == []
    assert bonds_of(world.city, make_company(name="PT Lain")) == []


def test_one_partners_contract_under_anothers_agreement_is_closed(world: World) -> None:
    world.at("running")
    contract = put_in_force(city=world.city, partner=make_company(name="PT Pesaing"))
    contract.subject = Agreement.objects.get().subject
    contract.save()
    key, _text = make_key(by=world.bureau, contract=contract, sandbox=False)

    doors = Doors()
    doors.read()

    assert doors()[key.pk].stopped != ""
