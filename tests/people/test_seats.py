from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.utils import timezone

from balai.core.errors import Invalid, Refused
from balai.core.models import Entry, Mail
from balai.people.actions import (
    accept_invitation,
    change_role,
    end_membership,
    invite,
    register_organisation,
    revoke_invitation,
    update_profile,
)
from balai.people.models import Invitation, Membership, Organisation, Role
from balai.people.organisations import roles_offered
from tests.builders import make_agency, make_city, make_company, make_ministry, make_user, seat

pytestmark = pytest.mark.django_db


def verified(user, address: str = ""):
    EmailAddress.objects.create(user=user, email=address or user.email, verified=True, primary=True)
    return user


def seats(organisation) -> list[tuple[str, str]]:
    rows = Membership.objects.filter(organisation=organisation, ended_at=None).order_by("pk")
    return [(row.user.email, row.role) for row in rows.select_related("user")]


def test_whoever_registers_a_company_is_its_founder() -> None:
    user = verified(make_user(email="pendiri@contoh.id"))

    company = register_organisation(by=user, kind="company", name="  Angkut   Bersama ")

    assert (company.name, company.slug, company.listed) == ("Angkut Bersama", "angkut-bersama", False)
    assert seats(company) == [("pendiri@contoh.id", "founder")]
    assert list(Entry.objects.values_list("verb", "role", "organisation")) == [
        ("organisation.registered", "founder", company.pk)
    ]


def test_an_unconfirmed_address_owns_nothing() -> None:
    user = make_user()
    EmailAddress.objects.create(user=user, email=user.email, verified=False)

    with pytest.raises(Refused):
        register_organisation(by=user, kind="company", name="Angkut Bersama")

    assert Organisation.objects.count() == 0


@pytest.mark.parametrize("kind", ["agency", "ministry", "oversight", "royal court", ""])
def test_nobody_registers_a_public_body(kind: str) -> None:
    with pytest.raises(Invalid) as caught:
        register_organisation(by=verified(make_user()), kind=kind, name="Dinas Perhubungan")

    assert set(caught.value.fields) == {"kind"}


def test_a_name_is_registered_once() -> None:
    make_company(name="Angkut Bersama")

    with pytest.raises(Invalid) as caught:
        register_organisation(by=verified(make_user()), kind="company", name="ANGKUT bersama")

    assert set(caught.value.fields) == {"name"}


@pytest.mark.parametrize("website", ["javascript:alert(1)", "ftp://contoh.id", "contoh"])
def test_only_a_web_address_is_a_website(website: str) -> None:
    with pytest.raises(Invalid) as caught:
        register_organisation(by=verified(make_user()), kind="company", name="Angkut", website=website)

    assert set(caught.value.fields) == {"website"}


def test_an_invitation_is_mailed_kept_hashed_and_gives_a_seat_once() -> None:
    company = make_company()
    founder = seat(make_user(), company, Role.FOUNDER)
    guest = verified(make_user(email="tamu@contoh.id"))

    _, token = invite(by=founder, organisation=company, email=" Tamu@Contoh.id ", role="staff")
    membership = accept_invitation(by=guest, token=token)

    mail = Mail.objects.get()
    assert (mail.to, f"/undangan/{token}/" in mail.body) == ("tamu@contoh.id", True)
    assert token not in str(list(Invitation.objects.values()))
    assert (membership.user, membership.role) == (guest, "staff")
    with pytest.raises(Refused, match=r"sudah|already"):
        accept_invitation(by=guest, token=token)
    assert Membership.objects.filter(user=guest).count() == 1
    assert list(Entry.objects.values_list("verb", flat=True)) == ["person.invited", "person.joined"]


def test_the_ledger_never_holds_the_invited_address() -> None:
    company = make_company()
    founder = seat(make_user(), company, Role.FOUNDER)

    invite(by=founder, organisation=company, email="rahasia-sekali@contoh.id", role="staff")

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM core_entry")
        assert "rahasia-sekali" not in str(cursor.fetchall())


def test_only_the_confirmed_invited_address_may_accept() -> None:
    company = make_company()
    founder = seat(make_user(), company, Role.FOUNDER)
    _, token = invite(by=founder, organisation=company, email="tamu@contoh.id", role="staff")
    stranger = verified(make_user(email="lain@contoh.id"))
    claims = make_user(email="tamu@contoh.id")
    EmailAddress.objects.create(user=claims, email="tamu@contoh.id", verified=False)

    for person in (stranger, claims):
        with pytest.raises(Refused):
            accept_invitation(by=person, token=token)

    assert Invitation.objects.get().accepted_at is None
    assert Membership.objects.filter(user__in=[stranger, claims]).count() == 0


@pytest.mark.parametrize("change", ["expired", "revoked", "organisation gone"])
def test_a_closed_invitation_gives_no_seat(change: str) -> None:
    company = make_company()
    founder = seat(make_user(), company, Role.FOUNDER)
    guest = verified(make_user())
    invitation, token = invite(by=founder, organisation=company, email=guest.email, role="staff")
    if change == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif change == "revoked":
        revoke_invitation(by=founder, invitation=invitation)
    else:
        Organisation.objects.filter(pk=company.pk).update(active=False)

    with pytest.raises(Refused):
        accept_invitation(by=guest, token=token)

    assert guest.memberships.count() == 0


@pytest.mark.parametrize("token", ["", "x", "a" * 5000, "\udce4", "' OR 1=1 --", "\x00"])
def test_an_unknown_token_is_refused(token: str) -> None:
    with pytest.raises(Refused):
        accept_invitation(by=verified(make_user()), token=token)


def test_a_new_invitation_replaces_the_one_before() -> None:
    company = make_company()
    founder = seat(make_user(), company, Role.FOUNDER)
    guest = verified(make_user())
    _, first = invite(by=founder, organisation=company, email=guest.email, role="staff")
    _, second = invite(by=founder, organisation=company, email=guest.email, role="staff")

    with pytest.raises(Refused):
        accept_invitation(by=guest, token=first)

    assert accept_invitation(by=guest, token=second).role == "staff"


@pytest.mark.parametrize("role", ["staff", "signatory", None])
def test_only_who_runs_it_invites(role: str | None) -> None:
    company = make_company()
    outsider = seat(make_user(), make_company(), Role.FOUNDER)
    member = seat(outsider, company, role) if role else outsider

    with pytest.raises(Refused):
        invite(by=member, organisation=company, email="x@contoh.id", role="staff")

    assert Mail.objects.count() == 0


def test_a_department_cannot_appoint_the_bureau_of_the_city() -> None:
    department = make_agency(make_city())
    admin = seat(make_user(), department, Role.ADMIN)

    for role in ("bureau", "tkksd", "analyst", "signatory", "founder", "auditor", "ministry", "god", ""):
        with pytest.raises(Refused):
            invite(by=admin, organisation=department, email="x@contoh.id", role=role)
        with pytest.raises(Refused):
            change_role(by=admin, membership=admin.memberships.get(), role=role)

    assert roles_offered(department) == ["admin", "officer"]
    assert seats(department) == [(admin.email, "admin")]


def test_an_office_lets_an_agency_seat_its_role() -> None:
    bureau = make_agency(make_city(), offices=["bureau"])
    admin = seat(make_user(), bureau, Role.ADMIN)
    guest = verified(make_user())

    _, token = invite(by=admin, organisation=bureau, email=guest.email, role="bureau")

    assert accept_invitation(by=guest, token=token).role == "bureau"
    assert roles_offered(bureau) == ["admin", "officer", "bureau"]


def test_an_office_taken_away_closes_its_invitations() -> None:
    bureau = make_agency(make_city(), offices=["bureau"])
    admin = seat(make_user(), bureau, Role.ADMIN)
    guest = verified(make_user())
    _, token = invite(by=admin, organisation=bureau, email=guest.email, role="bureau")
    Organisation.objects.filter(pk=bureau.pk).update(offices=[])

    with pytest.raises(Refused):
        accept_invitation(by=guest, token=token)

    assert guest.memberships.count() == 0
    assert Invitation.objects.get().accepted_at is None


def test_another_organisations_admin_cannot_touch_a_seat() -> None:
    company = make_company()
    founder = seat(make_user(), company, Role.FOUNDER)
    member = seat(make_user(), company, Role.STAFF)
    intruder = seat(make_user(), make_company(), Role.FOUNDER)
    membership = member.memberships.get()
    invitation, _ = invite(by=founder, organisation=company, email="x@contoh.id", role="staff")

    with pytest.raises(Refused):
        end_membership(by=intruder, membership=membership)
    with pytest.raises(Refused):
        change_role(by=intruder, membership=membership, role="admin")
    with pytest.raises(Refused):
        revoke_invitation(by=intruder, invitation=invitation)

    assert seats(company) == [(founder.email, "founder"), (member.email, "staff")]
    assert Invitation.objects.get().revoked_at is None


def test_a_member_does_not_promote_themselves() -> None:
    company = make_company()
    seat(make_user(), company, Role.FOUNDER)
    member = seat(make_user(), company, Role.STAFF)

    with pytest.raises(Refused):
        change_role(by=member, membership=member.memberships.get(), role="admin")

    assert [m.role for m in member.memberships.all()] == ["staff"]


def test_the_last_who_runs_it_stays() -> None:
    company = make_company()
    founder = seat(make_user(), company, Role.FOUNDER)
    member = seat(make_user(), company, Role.STAFF)

    with pytest.raises(Refused):
        end_membership(by=founder, membership=founder.memberships.get())
    with pytest.raises(Refused):
        change_role(by=founder, membership=founder.memberships.get(), role="staff")
    change_role(by=founder, membership=member.memberships.get(), role="admin")
    end_membership(by=founder, membership=founder.memberships.get())

    assert seats(company) == [(member.email, "admin")]


def test_an_inactive_manager_does_not_count() -> None:
    company = make_company()
    founder = seat(make_user(), company, Role.FOUNDER)
    seat(make_user(is_active=False), company, Role.ADMIN)

    with pytest.raises(Refused):
        end_membership(by=founder, membership=founder.memberships.get())


def test_a_member_may_leave_and_leaving_twice_is_one_entry() -> None:
    company = make_company()
    seat(make_user(), company, Role.FOUNDER)
    member = seat(make_user(), company, Role.STAFF)
    membership = member.memberships.get()

    end_membership(by=member, membership=membership)
    end_membership(by=member, membership=membership)

    assert member.hats == []
    assert list(Entry.objects.values_list("verb", "role")) == [("person.left", "staff")]


def test_a_changed_role_keeps_the_old_seat_as_history() -> None:
    company = make_company()
    founder = seat(make_user(), company, Role.FOUNDER)
    member = seat(make_user(), company, Role.STAFF)

    change_role(by=founder, membership=member.memberships.get(), role="signatory")

    history = [(seat.role, seat.ended_at is None) for seat in member.memberships.order_by("pk")]
    assert history == [("staff", False), ("signatory", True)]
    assert Entry.objects.get().facts == {"from": "staff", "to": "signatory"}


def test_a_ministry_seats_only_its_roles() -> None:
    assert roles_offered(make_ministry()) == ["admin", "ministry"]


@pytest.mark.parametrize(("name", "language"), [("", "id"), ("  ", "id"), ("x" * 151, "id"), ("Sari", "jv")])
def test_a_wrong_profile_changes_nothing(name: str, language: str) -> None:
    user = make_user(name="Sari")

    with pytest.raises(Invalid):
        update_profile(by=user, name=name, language=language, city=None)

    user.refresh_from_db()
    assert (user.name, user.language) == ("Sari", "id")
