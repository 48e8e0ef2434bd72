from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from balai.core.models import Mail
from balai.people.models import City, Invitation, Organisation
from balai.people.organisations import roles_offered
from tests.builders import make_agency

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("people", *arguments, stdout=out)
    return out.getvalue()


def test_the_operator_invites_the_first_administrator() -> None:
    agency = make_agency(slug="dishub")

    said = run("add-admin", "Kepala@Dishub.contoh.id", "--agency", "dishub")

    invitation = Invitation.objects.get()
    assert (invitation.organisation, invitation.email, invitation.role, invitation.invited_by) == (
        agency,
        "kepala@dishub.contoh.id",
        "admin",
        None,
    )
    link = said.split()[-1]
    assert link in Mail.objects.get().body


@pytest.mark.parametrize(
    "arguments", [("x@contoh.id", "--agency", "tidak-ada"), ("bukan", "--agency", "dishub")]
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...]) -> None:
    make_agency(slug="dishub")

    with pytest.raises(CommandError):
        run("add-admin", *arguments)

    assert Invitation.objects.count() == 0


def test_the_operator_assigns_offices() -> None:
    agency = make_agency(slug="biro")

    run("offices", "biro", "bureau", "signatory")

    agency.refresh_from_db()
    assert roles_offered(agency) == ["admin", "officer", "bureau", "signatory"]
    with pytest.raises(CommandError):
        run("offices", "biro", "king")
    run("offices", "biro")
    agency.refresh_from_db()
    assert agency.offices == []


def test_the_operator_begins_an_empty_hub() -> None:
    run("add-city", "33.74", "Kota Semarang", "--province", "Jawa Tengah")
    run("add-body", "biro-ks", "Biro Kerja Sama", "--city", "33.74")
    run("add-body", "inspektorat", "Inspektorat", "--city", "33.74", "--kind", "oversight")

    city = City.objects.get(code="33.74")
    assert (city.name, city.slug, city.kind, city.hosted) == ("Kota Semarang", "kota-semarang", "city", True)
    assert list(Organisation.objects.order_by("slug").values_list("slug", "kind", "city", "listed")) == [
        ("biro-ks", "agency", "33.74", True),
        ("inspektorat", "oversight", "33.74", True),
    ]


def test_a_known_city_becomes_hosted() -> None:
    City.objects.create(code="34.71", slug="yogyakarta", name="Yogyakarta", kind="city")

    said = run("add-city", "34.71", "Kota Yogyakarta")

    assert said == "Yogyakarta (34.71) runs its collaborations on this hub.\n"
    assert City.objects.get(code="34.71").hosted is True


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("dishub", "Dinas lain", "--city", "31"), "already"),
        (("dinas-baru", "Dinas Baru"), "belongs to a city"),
        (("dinas-baru", "Dinas Baru", "--city", "99"), "no city '99'"),
        (("Dinas Baru", "Dinas Baru", "--city", "31"), "small letters"),
    ],
)
def test_a_body_that_cannot_be_set_up_is_refused(arguments: tuple[str, ...], why: str) -> None:
    make_agency(slug="dishub")

    with pytest.raises(CommandError, match=why):
        run("add-body", *arguments)

    assert Organisation.objects.count() == 1
