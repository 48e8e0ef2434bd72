import datetime as dt

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from balai.core import ledger
from balai.core.errors import Refused
from balai.core.models import Entry, Follow, Mail, Notification, Preference
from balai.needs.models import Need
from balai.people.erasure import erase_person, may_erase
from balai.people.models import ApiKey, Invitation, Membership, Role, User
from tests.builders import client_of, make_city, make_company, make_superuser, make_user, seat

NAME = "Sekarwangi Prameswari"
EMAIL = "sekarwangi.prameswari@contoh.id"
MARKERS = ("sekarwangi", "prameswari")


def places_that_hold(marker: str) -> set[str]:
    """``table.column`` of every value in the whole database that contains the marker."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            for column in connection.introspection.get_table_description(cursor, table):
                cursor.execute(
                    f'SELECT count(*) FROM "{table}" WHERE lower(CAST("{column.name}" AS text)) LIKE %s',
                    [f"%{marker}%"],
                )
                if cursor.fetchone()[0]:
                    found.add(f"{table}.{column.name}")
    return found


@pytest.fixture
def person(db) -> User:
    """Somebody who left traces wherever a person can."""
    city = make_city()
    user = seat(make_user(EMAIL, NAME), make_company(), Role.FOUNDER)
    EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
    EmailAddress.objects.create(user=user, email="Sekarwangi@contoh.id")
    SocialAccount.objects.create(user=user, provider="city", uid=EMAIL, extra_data={"name": NAME})
    Authenticator.objects.create(user=user, type="totp", data={"secret": NAME})
    client = client_of(user)
    session = client.session
    session["typed"] = NAME
    session.save()
    UserSession.objects.create(
        user=user, ip="127.0.0.1", session_key=session.session_key, user_agent="x", data={"n": NAME}
    )
    moment = timezone.now()
    Mail.objects.create(user=user, to=EMAIL, subject="Halo", body=NAME, due_at=moment)
    Mail.objects.create(to="SEKARWANGI@contoh.id", subject="Halo", body="", due_at=moment)
    Mail.objects.create(
        user=make_user(), to="b@contoh.id", subject=NAME, body=f"{NAME} bertanya", due_at=moment
    )
    Follow.objects.create(user=user, thread="need:1")
    Preference.objects.create(user=user, kind="need", channel="mail", pace="now")
    Notification.objects.create(user=user, entry=1, kind="need", thread="need:1", verb="x", at=moment)
    ApiKey.objects.create(user=user, name=f"Kunci {NAME}", prefix="p", secret_sha256="s")
    for number, invited_by in enumerate((None, user)):
        Invitation.objects.create(
            organisation=make_company(),
            email=EMAIL,
            role=Role.STAFF,
            token_sha256=str(number),
            invited_by=invited_by,
            expires_at=moment + dt.timedelta(days=1),
        )
    Need.objects.create(
        reference="KBT-1",
        city=city,
        author=user,
        title="Trotoar rusak",
        text="Tolong diperbaiki",
        voiced_at=moment,
        answer_due=moment.date(),
    )
    return user


def test_nothing_in_the_database_names_an_erased_person(person) -> None:
    assert all(places_that_hold(marker) for marker in MARKERS)

    erase_person(user=person, by=person)

    assert [places_that_hold(marker) for marker in MARKERS] == [set(), set()]


def test_an_erased_person_can_do_nothing_more(person) -> None:
    key = person.api_keys.get()

    erased = erase_person(user=person, by=person)

    key.refresh_from_db()
    assert (erased.is_active, erased.has_usable_password(), erased.email) == (False, False, None)
    assert erased.hats == []
    assert key.revoked_at == erased.erased_at
    assert Membership.objects.get(user=erased).ended_at == erased.erased_at
    assert set(Invitation.objects.values_list("revoked_at", flat=True)) == {erased.erased_at}
    assert Session.objects.count() == 0
    for model in (EmailAddress, Authenticator, SocialAccount, UserSession, Follow, Preference, Notification):
        assert model.objects.count() == 0


def test_the_texts_stay_without_an_author(person) -> None:
    erase_person(user=person, by=person)

    need = Need.objects.get()
    assert (need.title, need.text, need.author) == ("Trotoar rusak", "Tolong diperbaiki", None)


def test_the_ledger_stays_whole_and_notes_it_under_the_pseudonym(person) -> None:
    pseudonym = person.pseudonym
    before = Entry.objects.count()

    erased = erase_person(user=person, by=person)

    entry = Entry.objects.latest("seq")
    assert Entry.objects.count() == before + 1
    assert (entry.verb, entry.actor, entry.subject) == ("person.erased", pseudonym, f"person:{pseudonym}")
    assert entry.facts == {"seats": 1, "keys": 1}
    assert erased.pseudonym == pseudonym
    assert ledger.verify().faults == []


def test_another_persons_things_stay(person) -> None:
    other = seat(make_user("ani@contoh.id", "Ani"), make_company(), Role.FOUNDER)
    client_of(other)
    EmailAddress.objects.create(user=other, email="ani@contoh.id", verified=True, primary=True)
    Mail.objects.create(user=other, to="ani@contoh.id", subject="Halo", body="", due_at=timezone.now())
    sessions = Session.objects.count()

    erase_person(user=person, by=person)

    other.refresh_from_db()
    assert (other.name, other.email, other.is_active, len(other.hats)) == ("Ani", "ani@contoh.id", True, 1)
    assert EmailAddress.objects.get().user == other
    assert Mail.objects.get().user == other
    assert Session.objects.count() == sessions - 1


def test_who_may_erase(db) -> None:
    person, stranger, operator = make_user(), make_user(), make_superuser()

    verdicts = [bool(may_erase(by, person)) for by in (person, stranger, operator, None)]

    assert verdicts == [True, False, True, False]


def test_a_stranger_erases_nobody(db) -> None:
    person = make_user()

    with pytest.raises(Refused):
        erase_person(user=person, by=make_user())

    person.refresh_from_db()
    assert person.erased_at is None


def test_erasing_twice_is_refused(db) -> None:
    person, operator = make_user(), make_superuser()
    stale = User.objects.get(pk=person.pk)
    erase_person(user=person, by=operator)

    with pytest.raises(Refused):
        erase_person(user=stale, by=operator)
