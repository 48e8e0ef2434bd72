"""Five hundred applications with three reviews each: no page asks more questions for it."""

from collections.abc import Iterator

import pytest

from balai.applications.models import Review
from balai.collaborations.models import Collaboration
from balai.demo import scale
from balai.needs.models import Need
from balai.people.models import City, Role, User
from tests.builders import client_of

pytestmark = pytest.mark.django_db

NUMBER = 500


@pytest.fixture(scope="module")
def crowd(django_db_setup, django_db_blocker) -> Iterator[City]:
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        yield scale.generate(NUMBER)
        transaction.set_rollback(True)


@pytest.fixture
def city(crowd: City, db, settings) -> City:
    settings.DEFAULT_CITY = crowd.pk
    return crowd


def somebody(role: str) -> User:
    return User.objects.filter(memberships__role=role, memberships__organisation__invented=True)[0]


def at(stage: str) -> str:
    return Collaboration.objects.filter(stage=stage)[0].reference


def test_the_crowd_is_what_it_should_be(city):
    judged = Review.objects.values("application").distinct().count()

    assert Collaboration.objects.count() == NUMBER
    assert Review.objects.count() == 3 * judged


LISTS = {
    "applications of the city": (Role.BUREAU, "/permohonan/kota/", 8),
    "applications of the city, narrowed": (Role.BUREAU, "/permohonan/kota/?turn=bureau&q=sensor", 8),
    "applications of a firm": (Role.FOUNDER, "/permohonan/", 8),
}
DETAILS = {
    "application": (Role.BUREAU, "/permohonan/{review}/", 20),
    "review": (Role.TKKSD, "/permohonan/{review}/penilaian/", 20),
    "reviews side by side": (Role.BUREAU, "/permohonan/{decision}/ringkasan/", 20),
    "checklist": (Role.BUREAU, "/permohonan/{screening}/periksa/", 20),
    "collaboration from inside": (Role.BUREAU, "/kolaborasi/{running}/", 20),
}
PUBLIC = {
    "home": (None, "/", 4),
    "register": (None, "/kolaborasi/", 4),
    "register, narrowed": (None, "/kolaborasi/?q=sensor&state=open", 4),
    "collaboration": (None, "/kolaborasi/{running}/", 4),
    "needs": (None, "/kebutuhan/", 4),
    "need": (None, "/kebutuhan/{need}/", 4),
    "challenges": (None, "/tantangan/", 4),
    "partners": (None, "/mitra/", 4),
    "partner": (None, "/mitra/{partner}/", 4),
    "dimensions": (None, "/dimensi/", 4),
    "dimension": (None, "/dimensi/mobility/", 4),
    "agreements": (None, "/perjanjian/", 4),
    "movement": (None, "/gerakan/", 4),
    "ledger": (None, "/buku-catatan/", 4),
    "search": (None, "/cari/?q=sensor", 4),
}
PAGES = LISTS | DETAILS | PUBLIC


@pytest.mark.parametrize(("role", "path", "most"), PAGES.values(), ids=PAGES)
def test_a_page_keeps_within_its_queries(city, django_assert_max_num_queries, role, path, most):
    names = {stage: at(stage) for stage in ("screening", "review", "decision", "running")}
    names |= {
        "need": Need.objects.order_by("-support_count")[0].reference,
        "partner": Collaboration.objects.select_related("partner")[0].partner.slug,
    }
    client = client_of(somebody(role) if role else None)
    address = path.format(**names)
    client.get(address)

    with django_assert_max_num_queries(most):
        response = client.get(address)

    assert response.status_code == 200


@pytest.mark.parametrize(("path", "count", "rows"), [("/permohonan/kota/", 6, 25), ("/kolaborasi/", 4, 20)])
def test_a_page_far_down_costs_no_more_queries(city, django_assert_num_queries, path, count, rows):
    """Paging is by key: the fifth page asks as much as the second."""
    client = client_of(somebody(Role.BUREAU))
    page = client.get(path).context["page"]

    for _ in range(4):
        with django_assert_num_queries(count):
            page = client.get(path, {"cursor": page.next}).context["page"]

    assert len(page.rows) == rows
