import pytest
from django.core.management import CommandError, call_command

from balai.demo import people
from balai.people.models import City

pytestmark = pytest.mark.django_db


def test_command_refuses_outside_demonstration_mode(settings):
    settings.DEMO = False

    with pytest.raises(CommandError, match="BALAI_DEMO"):
        call_command("demo", "--no-serve")

    assert not City.objects.exists()


def test_command_names_a_port_that_does_not_exist(settings):
    settings.DEMO = True

    with pytest.raises(CommandError, match="Port 99999"):
        call_command("demo", "--port", "99999")

    assert not City.objects.exists()


def test_accounts_are_named_by_what_they_do():
    assert [email for _name, does, email in people.accounts() if not does] == []
