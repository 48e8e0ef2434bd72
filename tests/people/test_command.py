from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from balai.core.models import Mail
from balai.people.models import Invitation
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
