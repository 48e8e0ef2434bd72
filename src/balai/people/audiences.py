"""Who hears of changes to an organisation's seats."""

from collections.abc import Iterable

from balai.core.audiences import audience
from balai.core.models import Entry
from balai.people.models import User
from balai.people.organisations import MANAGERS


@audience("person.", "invitation.", "organisation.")
def managers_and_the_person(entry: Entry) -> Iterable[User]:
    """Whoever runs the organisation, and the person whose seat it is."""
    people = User.objects.filter(is_active=True)
    if entry.organisation:
        yield from people.filter(
            memberships__organisation=entry.organisation,
            memberships__role__in=MANAGERS,
            memberships__ended_at=None,
        ).distinct()
    kind, _, identifier = entry.subject.partition(":")
    if kind == "person":
        yield from people.filter(pseudonym=identifier)
