"""What a page costs in queries: the same for one row and for three, and never more than was agreed.

Agreed are at most 4 for a stranger, 8 for a list, 20 for one record's page. The inbox, which puts the lists
of every room together, may take 13.
"""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from balai.agreements.models import Agreement, Party
from balai.core import notifications
from balai.needs.models import Need
from balai.people.models import Role, User
from balai.programme.models import Cohort, CohortMembership, Offer
from tests.builders import client_of, make_area, make_auditor, make_city, make_company, make_user, seat
from tests.needs_builders import make_need, make_open_challenge
from tests.stories import World
from tests.walk.town import Town

pytestmark = pytest.mark.django_db


class Rows:
    """A city whose every list grows by one row at a time."""

    def __init__(self) -> None:
        self.world = World()
        self.citizen = make_user()
        self.auditor = make_auditor(self.world.city)
        self.cohort = Cohort.objects.create(year=2017, name="Pertama", source="Uji")
        self.number = 0

    def grow(self) -> None:
        self.number += 1
        world, number = self.world, self.number
        world.partner = make_company(name=f"PT Rekaan {number}")
        seat(world.founder, world.partner, Role.FOUNDER)
        for stage in ("screening", "review", "decision"):
            world.at(stage, title=f"Usul {number} {stage}")
        public = world.at("drafting", title=f"Usul {number}")
        agreement = Agreement.objects.create(
            city=world.city, kind="pks", collaboration=public, title=f"Perjanjian {number}", documented=True
        )
        for place, organisation in enumerate((world.agency, world.partner), 1):
            Party.objects.create(agreement=agreement, organisation=organisation, place=place)
        Offer.objects.create(collaboration=public, what="Cara", opened_at=timezone.now())
        need = make_need(by=self.citizen, area=make_area(world.city))
        Need.objects.filter(pk=need.pk).update(agency=world.agency)
        make_open_challenge(world.agency, world.officer, needs=[make_need()], title=f"Halte teduh {number}")
        CohortMembership.objects.create(cohort=self.cohort, city=make_city(f"99{number:02d}"), source="Uji")
        while notifications.deliver():
            pass

    def person(self, name: str) -> User | None:
        known = {"stranger": None, "citizen": self.citizen, "auditor": self.auditor}
        known["reviewer"] = self.world.reviewers[0]
        return known[name] if name in known else getattr(self.world, name)


LISTS = [
    ("/", "stranger", 4),
    ("/kebutuhan/", "stranger", 4),
    ("/kebutuhan/", "officer", 8),
    ("/kebutuhan.csv", "stranger", 1),
    ("/tantangan/", "stranger", 1),
    ("/tantangan/", "officer", 5),
    ("/tantangan.csv", "stranger", 1),
    ("/kolaborasi/", "stranger", 1),
    ("/kolaborasi/", "bureau", 4),
    ("/kolaborasi.csv", "stranger", 1),
    ("/mitra/", "stranger", 1),
    ("/dimensi/", "stranger", 2),
    ("/dimensi/mobility/", "stranger", 4),
    ("/dimensi.csv", "stranger", 1),
    ("/gerakan/", "stranger", 4),
    ("/perjanjian/", "stranger", 4),
    ("/perjanjian/", "bureau", 8),
    ("/cari/?q=teduh", "stranger", 1),
    ("/buku-catatan/", "stranger", 1),
    ("/skema/", "stranger", 1),
    ("/permohonan/", "founder", 5),
    ("/permohonan/kota/", "bureau", 6),
    ("/permohonan/kota/", "auditor", 6),
    ("/permohonan/kota.csv", "bureau", 5),
    ("/kotak-masuk/", "founder", 11),
    ("/kotak-masuk/", "bureau", 13),
    ("/kotak-masuk/", "reviewer", 8),
    ("/pemberitahuan/", "citizen", 4),
    ("/pemberitahuan/", "founder", 7),
    ("/pemberitahuan/pilihan/", "founder", 6),
    ("/api/v1/needs", "stranger", 1),
    ("/api/v1/challenges", "stranger", 1),
    ("/api/v1/collaborations", "stranger", 1),
    ("/api/v1/agreements", "stranger", 1),
    ("/api/v1/partners", "stranger", 1),
]


def cost(client: Client, path: str) -> int:
    """Queries of one look at a page, after one that reads what a process reads once."""
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        response = client.get(path)
    assert response.status_code == 200, path
    return len(asked)


def test_lists_cost_the_same_for_one_row_and_for_three():
    rows = Rows()
    expected = {(path, who): queries for path, who, queries in LISTS}

    def costs() -> dict[tuple[str, str], int]:
        return {(path, who): cost(client_of(rows.person(who)), path) for path, who in expected}

    rows.grow()
    one = costs()
    rows.grow()
    rows.grow()
    three = costs()

    assert one == expected
    assert three == expected


DETAILS = [
    ("collaboration", "/kolaborasi/{pilot.reference}/", "stranger", 4),
    ("collaboration", "/kolaborasi/{pilot.reference}/", "founder", 9),
    ("collaboration", "/kolaborasi/{pilot.reference}/", "bureau", 9),
    ("collaboration", "/kolaborasi/{screening.reference}/", "officer", 13),
    ("move", "/kolaborasi/{pilot.reference}/langkah/suspend/", "officer", 5),
    ("application", "/permohonan/{review.reference}/", "founder", 10),
    ("application", "/permohonan/{review.reference}/", "bureau", 14),
    ("section", "/permohonan/{draft.reference}/bagian/about/", "founder", 9),
    ("screening", "/permohonan/{screening.reference}/periksa/", "bureau", 13),
    ("review", "/permohonan/{review.reference}/penilaian/", "reviewer", 19),
    ("summary", "/permohonan/{rejected.reference}/ringkasan/", "bureau", 13),
    ("pilot", "/uji-coba/{pilot.reference}/", "founder", 14),
    ("pilot", "/uji-coba/{pilot.reference}/", "bureau", 14),
    ("agreement", "/perjanjian/{agreement.pk}/", "founder", 12),
    ("agreement", "/perjanjian/{sealed.pk}/", "stranger", 6),
    ("need", "/kebutuhan/{need.reference}/", "stranger", 3),
    ("need", "/kebutuhan/{need.reference}/", "citizen", 9),
    ("need", "/kebutuhan/{need.reference}/", "bureau", 15),
    ("challenge", "/tantangan/{challenge.reference}/", "stranger", 4),
    ("challenge", "/tantangan/{challenge.reference}/", "officer", 9),
    ("partner", "/mitra/{sealed.collaboration.partner.slug}/", "stranger", 4),
    ("kit", "/mitra/{data_contract.partner.slug}/data/", "stranger", 4),
    ("kit", "/mitra/{data_contract.partner.slug}/data/", "founder", 8),
    ("indicator", "/dimensi/mobility/MOB-01/", "stranger", 5),
    ("sources", "/angka/aliran/", "analyst", 8),
    ("origin", "/angka/asal/{flow.pk}/", "stranger", 3),
    ("offer", "/gerakan/tawaran/{offer.pk}/", "stranger", 2),
    ("city", "/gerakan/kota/jakarta/", "stranger", 9),
    ("evaluation", "/gerakan/evaluasi/{evaluation.pk}/", "ministry", 10),
    ("index", "/gerakan/indeks/{run.pk}/", "stranger", 2),
    ("account", "/akun-saya/", "founder", 8),
    ("organisation", "/organisasi/{sealed.collaboration.partner.slug}/", "founder", 7),
]


def test_one_record_costs_what_was_agreed(town: Town):
    at = town.sides[0].at
    expected = {(name, path, who): queries for name, path, who, queries in DETAILS}

    found = {
        (name, path, who): cost(client_of(town.roles[who]), path.format(**at)) for name, path, who in expected
    }

    assert found == expected
