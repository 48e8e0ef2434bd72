import pytest
from django.core.cache import cache

from balai.people.models import Role
from tests.builders import client_of, make_agency, make_city, make_superuser, make_user, seat

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()


@pytest.fixture
def demo_mode(settings) -> None:
    settings.DEMO = True


def who(client) -> str | None:
    return client.session.get("_auth_user_id")


def test_outside_the_demonstration_there_is_nothing(settings) -> None:
    settings.DEMO = False
    user = make_user(is_demo=True)
    client = client_of()

    assert client.get("/demo/").status_code == 404
    assert client.post(f"/demo/masuk/{user.pk}/").status_code == 404
    assert who(client) is None


def test_one_click_signs_in(demo_mode) -> None:
    user = make_user(is_demo=True)
    client = client_of()

    answer = client.post(f"/demo/masuk/{user.pk}/")

    assert (answer.url, who(client)) == ("/kotak-masuk/", str(user.pk))


def test_only_demonstration_people_can_be_taken(demo_mode) -> None:
    people = [
        make_user(),
        make_user(is_demo=True, is_active=False),
        make_superuser(is_demo=True),
        make_user(is_demo=True, is_staff=True),
    ]
    client = client_of()

    assert [client.post(f"/demo/masuk/{user.pk}/").status_code for user in people] == [404] * 4
    assert client.post("/demo/masuk/999999999999999999/").status_code == 404
    assert who(client) is None


def test_looking_does_not_sign_in(demo_mode) -> None:
    user = make_user(is_demo=True)
    client = client_of()

    assert client.get(f"/demo/masuk/{user.pk}/").status_code == 405
    assert who(client) is None


def test_the_session_of_before_is_gone(demo_mode) -> None:
    user = make_user(is_demo=True)
    client = client_of(make_user())
    session = client.session
    session["planted"] = "by an attacker"
    session.save()
    before = session.session_key

    client.post(f"/demo/masuk/{user.pk}/")

    assert client.session.session_key != before
    assert "planted" not in client.session
    assert who(client) == str(user.pk)
    assert not type(session)(before).load()


def test_a_flood_is_kept_out(demo_mode) -> None:
    user = make_user(is_demo=True)

    answers = [client_of().post(f"/demo/masuk/{user.pk}/").status_code for _ in range(32)]

    assert answers == [302] * 30 + [429] * 2


def test_the_page_says_who_can_do_what_at_a_fixed_cost(demo_mode, django_assert_num_queries) -> None:
    agency = make_agency(make_city())
    seat(make_user(is_demo=True, name="Sari (demo)"), agency, Role.OFFICER)
    make_user(name="Orang Nyata")
    client = client_of()
    with django_assert_num_queries(2):
        page = client.get("/demo/").content.decode()
    assert ("Sari (demo)" in page, "Orang Nyata" in page) == (True, False)
    seat(make_user(is_demo=True), agency, Role.TKKSD)
    make_user(is_demo=True)
    with django_assert_num_queries(2):
        client.get("/demo/")
