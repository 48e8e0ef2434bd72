from django.db import connection

from balai.people.models import Role
from tests.builders import make_agency, make_city, make_user, seat


def test_a_seat_gives_a_hat(db) -> None:
    agency = make_agency(make_city())
    user = make_user()

    seat(user, agency, Role.OFFICER)

    assert [(h.organisation_id, h.role) for h in user.hats] == [(agency.pk, "officer")]


def test_the_database_is_the_one_asked_for(db, request) -> None:
    asked = {"sqlite": "sqlite", "postgres": "postgresql"}[request.config.getoption("--database")]

    assert connection.vendor == asked
