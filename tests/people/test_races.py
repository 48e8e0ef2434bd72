"""Two people press at once: on a real database, one wins and the other is told."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from allauth.account.models import EmailAddress
from django.db import connection

from balai.core.errors import BalaiError
from balai.people.actions import (
    accept_invitation,
    change_role,
    end_membership,
    invite,
    register_organisation,
)
from balai.people.models import Invitation, Membership, Organisation, Role, User
from balai.people.organisations import MANAGERS
from tests.builders import make_company, make_founder, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], object]) -> list[str]:
    """Run the calls in threads that start together; "done" or the name of the refusal, sorted."""
    gate, ends = Barrier(len(calls)), []

    def run(call: Callable[[], object]) -> None:
        gate.wait()
        try:
            call()
            ends.append("done")
        except BalaiError as refusal:
            ends.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(ends)


def test_an_invitation_accepted_four_times_at_once_gives_one_seat() -> None:
    company = make_company()
    guest = make_user()
    EmailAddress.objects.create(user=guest, email=guest.email, verified=True)
    _, token = invite(by=make_founder(company), organisation=company, email=guest.email, role="staff")

    ends = at_once(
        *[lambda: accept_invitation(by=User.objects.get(pk=guest.pk), token=token) for _ in range(4)]
    )

    assert ends == ["Refused", "Refused", "Refused", "done"]
    assert Membership.objects.filter(user=guest, ended_at=None).count() == 1


def test_two_founders_who_end_each_other_leave_one() -> None:
    company = make_company()
    first, second = make_founder(company), make_founder(company)
    one, two = first.memberships.get(), second.memberships.get()

    ends = at_once(
        lambda: end_membership(by=first, membership=two), lambda: end_membership(by=second, membership=one)
    )

    left = Membership.objects.filter(organisation=company, role__in=MANAGERS, ended_at=None)
    assert (ends, left.count()) == (["Refused", "done"], 1)


def test_two_founders_who_step_down_leave_one() -> None:
    company = make_company()
    first, second = make_founder(company), make_founder(company)

    ends = at_once(
        *[
            lambda person=person: change_role(by=person, membership=person.memberships.get(), role=Role.STAFF)
            for person in (first, second)
        ]
    )

    left = Membership.objects.filter(organisation=company, role__in=MANAGERS, ended_at=None)
    assert (ends, left.count()) == (["Refused", "done"], 1)


def test_one_address_invited_twice_at_once_has_one_open_invitation() -> None:
    company = make_company()
    founder = make_founder(company)

    ends = at_once(
        *[
            lambda: invite(by=founder, organisation=company, email="tamu@contoh.id", role="staff")
            for _ in range(3)
        ]
    )

    assert ends == ["done", "done", "done"]
    assert Invitation.objects.filter(revoked_at=None).count() == 1


def test_two_who_register_one_name_at_once_make_one_organisation() -> None:
    people = [make_user(), make_user()]
    for person in people:
        EmailAddress.objects.create(user=person, email=person.email, verified=True)

    ends = at_once(
        *[
            lambda pk=person.pk: register_organisation(
                by=User.objects.get(pk=pk), kind="company", name="PT Serentak"
            )
            for person in people
        ]
    )

    assert ends.count("done") == 1
    assert set(ends) <= {"done", "Invalid", "Stale"}
    assert Organisation.objects.filter(name="PT Serentak").count() == 1
