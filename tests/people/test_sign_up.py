import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache

from balai.people.actions import invite
from balai.people.models import User
from tests.builders import client_of, make_company, make_founder, make_user

pytestmark = pytest.mark.django_db

WORDS = "sebuah-kata-sandi-panjang"


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()


def code_in_mail() -> str:
    return re.search(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$", mail.outbox[-1].body, re.MULTILINE)[0]


def test_an_invited_stranger_signs_up_confirms_and_takes_the_seat() -> None:
    company = make_company()
    _, token = invite(by=make_founder(company), organisation=company, email="tamu@contoh.id", role="staff")
    client = client_of()
    path = f"/undangan/{token}/"

    client.post(f"/akun/signup/?next={path}", {"email": "tamu@contoh.id", "password1": WORDS, "next": path})
    assert "_auth_user_id" not in client.session
    assert "pengguna tamu@contoh.id telah" in mail.outbox[-1].body
    confirmed = client.post("/akun/confirm-email/", {"code": code_in_mail()})
    accepted = client.post(path)

    user = User.objects.get(email="tamu@contoh.id")
    assert (confirmed.url, accepted.url) == (path, f"/organisasi/{company.slug}/")
    assert [(m.organisation, m.role) for m in user.memberships.all()] == [(company, "staff")]


def test_sign_up_does_not_tell_who_has_an_account() -> None:
    known = make_user(email="ada@contoh.id")
    EmailAddress.objects.create(user=known, email=known.email, verified=True, primary=True)

    answers = [
        client_of().post("/akun/signup/", {"email": address, "password1": WORDS})
        for address in ("ada@contoh.id", "belum@contoh.id")
    ]

    assert [(a.status_code, a.url) for a in answers] == [(302, "/akun/confirm-email/")] * 2


def test_signing_up_makes_a_citizen_and_nothing_more() -> None:
    client_of().post(
        "/akun/signup/",
        {
            "email": "warga@contoh.id",
            "password1": WORDS,
            "is_staff": "on",
            "is_superuser": "on",
            "is_demo": "on",
        },
    )

    user = User.objects.get(email="warga@contoh.id")
    assert (user.is_staff, user.is_superuser, user.is_demo, user.hats) == (False, False, False, [])
