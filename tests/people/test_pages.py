import re

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse
from django.utils import translation

from balai.core.models import Mail
from balai.people.actions import INVITATION_PATH, invite
from balai.people.keys import authenticate_key
from balai.people.models import ApiKey, Invitation, Membership, Organisation, Role
from tests.builders import (
    PASSWORD,
    client_of,
    make_agency,
    make_city,
    make_company,
    make_founder,
    make_user,
    seat,
)

pytestmark = pytest.mark.django_db


def verified(user):
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def signed_in(user):
    """A browser that has just given the password."""
    client = client_of()
    answer = client.post("/akun/login/", {"login": user.email, "password": PASSWORD})
    assert answer.status_code == 302
    assert client.post("/akun/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return client


def test_the_mailed_path_is_the_page() -> None:
    with translation.override("id"):
        path = reverse("portal:people_invitation", args=["abc"])

    assert path == INVITATION_PATH.format(token="abc")


@pytest.mark.parametrize(
    "path",
    [
        "/akun-saya/",
        "/akun-saya/kunci/",
        "/akun-saya/hapus/",
        "/organisasi/baru/",
        "/kotak-masuk/",
        "/pemberitahuan/",
        "/pemberitahuan/pilihan/",
    ],
)
def test_a_stranger_is_asked_to_sign_in(path: str) -> None:
    answer = client_of().get(path)

    assert (answer.status_code, answer.url) == (302, f"/akun/login/?next={path}")


def test_the_profile_is_saved_and_wrong_input_is_kept() -> None:
    user = make_user(name="Sari")
    city = make_city()
    client = client_of(user)

    saved = client.post("/akun-saya/", {"name": "Sari Dewi", "language": "en", "city": city.pk})
    wrong = client.post("/akun-saya/", {"name": "Budi", "language": "jv"})

    user.refresh_from_db()
    assert (saved.status_code, wrong.status_code) == (302, 422)
    assert (user.name, user.language, user.city) == ("Sari Dewi", "en", city)
    assert 'value="Budi"' in wrong.content.decode()


def test_an_organisation_is_there_for_its_members_only() -> None:
    company = make_company()
    founder = make_founder(company)
    stranger = make_founder()
    paths = [f"/organisasi/{company.slug}/", f"/organisasi/{company.slug}/ubah/"]

    assert [client_of(founder).get(path).status_code for path in paths] == [200, 200]
    assert [client_of(stranger).get(path).status_code for path in paths] == [404, 404]
    member = seat(make_user(), company, Role.STAFF)
    assert [client_of(member).get(path).status_code for path in paths] == [200, 403]
    assert client_of(stranger).get("/organisasi/tidak-ada/").status_code == 404


def test_who_does_not_manage_sees_no_invited_address() -> None:
    company = make_company()
    founder = make_founder(company)
    member = seat(make_user(), company, Role.STAFF)
    invite(by=founder, organisation=company, email="rahasia@contoh.id", role="staff")
    path = f"/organisasi/{company.slug}/"

    assert "rahasia@contoh.id" in client_of(founder).get(path).content.decode()
    assert "rahasia@contoh.id" not in client_of(member).get(path).content.decode()
    assert client_of(member).post(path, {"email": "x@contoh.id", "role": "staff"}).status_code == 403
    assert Invitation.objects.count() == 1


def test_an_invitation_walks_from_the_form_to_the_seat() -> None:
    company = make_company(name="Angkut Bersama")
    founder = make_founder(company)
    guest = verified(make_user(email="tamu@contoh.id"))

    client_of(founder).post(f"/organisasi/{company.slug}/", {"email": "tamu@contoh.id", "role": "staff"})
    path = re.search(r"/undangan/\S+/", Mail.objects.get().body)[0]
    page = client_of(guest).get(path)
    answer = client_of(guest).post(path)

    assert (page.status_code, "Angkut Bersama" in page.content.decode()) == (200, True)
    assert (answer.status_code, answer.url) == (302, f"/organisasi/{company.slug}/")
    assert [(m.organisation, m.role) for m in guest.memberships.all()] == [(company, "staff")]
    assert client_of(guest).post(path).status_code == 403
    assert client_of(guest).get(path).status_code == 410


def test_a_stranger_sees_the_offer_but_not_the_address() -> None:
    company = make_company()
    _, token = invite(by=make_founder(company), organisation=company, email="tamu@contoh.id", role="staff")

    page = client_of().get(f"/undangan/{token}/")
    posted = client_of().post(f"/undangan/{token}/")

    assert (page.status_code, posted.status_code) == (200, 302)
    assert "tamu@contoh.id" not in page.content.decode()
    assert f"/akun/login/?next=/undangan/{token}/" in page.content.decode()
    assert Invitation.objects.get().accepted_at is None


@pytest.mark.parametrize("token", ["x", "a" * 200, "%00", "..%2f"])
def test_an_unknown_invitation_is_one_clear_page(token: str) -> None:
    assert client_of().get(f"/undangan/{token}/").status_code == 404


def test_an_invitation_waits_in_the_account_of_who_confirmed_the_address() -> None:
    company = make_company()
    guest = verified(make_user())
    claims = make_user()
    EmailAddress.objects.create(user=claims, email=claims.email, verified=False)
    founder = make_founder(company)
    mine, _ = invite(by=founder, organisation=company, email=guest.email, role="staff")
    theirs, _ = invite(by=founder, organisation=company, email=claims.email, role="staff")

    assert client_of(guest).post(f"/undangan/terima/{mine.pk}/").status_code == 302
    assert client_of(guest).post(f"/undangan/terima/{theirs.pk}/").status_code == 404
    assert client_of(claims).post(f"/undangan/terima/{theirs.pk}/").status_code == 404
    assert Membership.objects.filter(role="staff").count() == 1


def test_another_organisations_manager_reaches_no_seat_or_invitation() -> None:
    company = make_company()
    founder = make_founder(company)
    member = seat(make_user(), company, Role.STAFF).memberships.get()
    invitation, _ = invite(by=founder, organisation=company, email="x@contoh.id", role="staff")
    own = make_company()
    intruder = client_of(make_founder(own))

    for slug in (company.slug, own.slug):
        for path in (
            f"/organisasi/{slug}/anggota/{member.pk}/akhiri/",
            f"/organisasi/{slug}/anggota/{member.pk}/peran/",
            f"/organisasi/{slug}/undangan/{invitation.pk}/batal/",
        ):
            assert intruder.post(path, {"role": "admin"}).status_code == 404

    member.refresh_from_db()
    invitation.refresh_from_db()
    assert (member.role, member.ended_at, invitation.revoked_at) == ("staff", None, None)


def test_a_forged_role_is_not_given() -> None:
    agency = make_agency(make_city())
    admin = seat(make_user(), agency, Role.ADMIN)
    mine = admin.memberships.get()
    client = client_of(admin)

    changed = client.post(f"/organisasi/{agency.slug}/anggota/{mine.pk}/peran/", {"role": "bureau"})
    invited = client.post(f"/organisasi/{agency.slug}/", {"email": "x@contoh.id", "role": "bureau"})

    mine.refresh_from_db()
    assert (changed.status_code, invited.status_code) == (422, 422)
    assert (mine.role, mine.ended_at, Invitation.objects.count()) == ("admin", None, 0)


def test_whoever_leaves_goes_back_to_their_account() -> None:
    company = make_company()
    make_founder(company)
    member = seat(make_user(), company, Role.STAFF)
    path = f"/organisasi/{company.slug}/anggota/{member.memberships.get().pk}/akhiri/"
    client = client_of(member)

    asked = client.get(path)
    left = client.post(path)

    assert (asked.status_code, left.url) == (200, "/akun-saya/")
    assert client.get(f"/organisasi/{company.slug}/").status_code == 404


def test_registering_needs_a_confirmed_address() -> None:
    unconfirmed, confirmed = make_user(), verified(make_user())
    form = {"kind": "company", "name": "Angkut Bersama", "website": "angkut.contoh.id"}

    assert client_of(unconfirmed).post("/organisasi/baru/", form).status_code == 403
    assert client_of(confirmed).post("/organisasi/baru/", form).url == "/organisasi/angkut-bersama/"
    assert list(Organisation.objects.values_list("name", "website")) == [
        ("Angkut Bersama", "https://angkut.contoh.id")
    ]


def test_a_key_is_shown_once_after_the_password_was_given() -> None:
    user = verified(make_user())
    form = {"name": "robot", "scopes": ["needs:read"], "days": "30"}

    late = client_of(user).post("/akun-saya/kunci/", form)
    client = signed_in(user)
    made = client.post("/akun-saya/kunci/", form)
    secret = re.search(r"balai_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", made.content.decode())[0]

    assert (late.status_code, late.url.split("?")[0]) == (302, "/akun/reauthenticate/")
    assert authenticate_key(secret) == (user, frozenset({"needs:read"}))
    assert "no-store" in made["Cache-Control"]
    assert secret not in client.get("/akun-saya/").content.decode()


def test_nobody_revokes_anothers_key() -> None:
    user = verified(make_user())
    signed_in(user).post("/akun-saya/kunci/", {"name": "robot", "scopes": ["needs:read"], "days": "30"})
    key = ApiKey.objects.get()

    assert client_of(make_user()).post(f"/akun-saya/kunci/{key.pk}/cabut/").status_code == 404
    assert client_of(user).get(f"/akun-saya/kunci/{key.pk}/cabut/").status_code == 405
    key.refresh_from_db()
    assert key.revoked_at is None
    assert client_of(user).post(f"/akun-saya/kunci/{key.pk}/cabut/").status_code == 302


def test_forms_from_elsewhere_are_refused() -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(), backend="django.contrib.auth.backends.ModelBackend")

    assert client.post("/akun-saya/", {"name": "X", "language": "id"}).status_code == 403


def test_members_are_listed_at_a_fixed_cost(django_assert_num_queries) -> None:
    company = make_company()
    client = client_of(make_founder(company))
    path = f"/organisasi/{company.slug}/"
    # session, person, hats, organisation, members, invitations, unread news
    with django_assert_num_queries(7):
        client.get(path)
    for number in range(3):
        seat(make_user(), company, Role.STAFF)
        invite(
            by=company.memberships.filter(role="founder").get().user,
            organisation=company,
            email=f"tamu{number}@contoh.id",
            role="staff",
        )
    with django_assert_num_queries(7):
        client.get(path)


def test_the_account_page_has_a_fixed_cost(django_assert_num_queries) -> None:
    user = make_user()
    client = client_of(user)
    # session, person, cities, hats, addresses, keys, invitations, unread news
    with django_assert_num_queries(8):
        client.get("/akun-saya/")
    for _ in range(3):
        seat(user, make_company(), Role.STAFF)
    with django_assert_num_queries(8):
        client.get("/akun-saya/")


@pytest.mark.parametrize("language", ["", "/en"])
def test_every_page_of_the_room_renders_in_both_languages(language: str) -> None:
    company = make_company()
    founder = verified(make_founder(company))
    mine = founder.memberships.get()
    client = signed_in(founder)
    paths = [
        "/akun-saya/",
        "/akun-saya/kunci/",
        "/akun-saya/hapus/",
        "/organisasi/baru/",
        f"/organisasi/{company.slug}/",
        f"/organisasi/{company.slug}/ubah/",
        f"/organisasi/{company.slug}/anggota/{mine.pk}/akhiri/",
    ]

    assert {path: client.get(language + path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_erasing_oneself_needs_the_password_and_the_consent() -> None:
    user = verified(make_user(name="Sari Dewi Terhapus"))
    client = signed_in(user)

    unsure = client.post("/akun-saya/hapus/", {})
    user.refresh_from_db()
    assert (unsure.status_code, user.erased_at) == (422, None)
    done = client.post("/akun-saya/hapus/", {"understood": "on"})

    user.refresh_from_db()
    assert (done.status_code, user.erased_at is None, user.name, user.email) == (200, False, "", None)
    assert client.get("/akun-saya/").status_code == 302


def test_a_shared_demonstration_account_is_not_erased() -> None:
    user = verified(make_user(is_demo=True))

    answer = signed_in(user).post("/akun-saya/hapus/", {"understood": "on"})

    user.refresh_from_db()
    assert (answer.status_code, user.erased_at) == (403, None)


def test_whoever_alone_runs_an_organisation_is_warned() -> None:
    company, shared = make_company(name="Hanya Saya"), make_company(name="Berdua")
    founder = verified(make_founder(company))
    seat(founder, shared, Role.FOUNDER)
    make_founder(shared)

    page = signed_in(founder).get("/akun-saya/hapus/")

    assert [organisation.name for organisation in page.context["alone"]] == ["Hanya Saya"]
