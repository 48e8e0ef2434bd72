"""The data everything is measured on. All of it is invented and says so."""

from django.core.management import call_command
from django.test import Client

from balai.collaborations.models import Collaboration
from balai.demo import scale
from balai.needs.models import Need
from balai.people.models import City, User


def make(number: int) -> City:
    """Migrate the temporary home and fill it: the same city every time, from one seed."""
    from tools.messages import compile_all

    compile_all()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    return scale.generate(number)


def person(role: str) -> User:
    """Somebody of the invented city in this seat."""
    people = User.objects.filter(memberships__role=role, memberships__organisation__invented=True)
    return people.order_by("pk")[0]


def at(stage: str) -> Collaboration:
    """An invented collaboration at this stage, the newest."""
    rows = Collaboration.objects.select_related("scheme_version", "partner", "agency", "city")
    return rows.filter(stage=stage, invented=True).order_by("-stage_since")[0]


def need() -> Need:
    return Need.objects.order_by("-support_count", "pk")[0]


def browser(user: User | None = None) -> Client:
    """A browser signed in as the person, or a stranger's."""
    client = Client()
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
