"""Who hears of an organisation's webhooks: those who keep them."""

from collections.abc import Iterable

from balai.core.audiences import audience
from balai.core.models import Entry
from balai.core.threads import uuids
from balai.observations.webhooks.rules import roles_of
from balai.people.models import Organisation, User


@audience("webhook.")
def keepers(entry: Entry) -> Iterable[User]:
    """The keepers of the organisation on whose thread it happened."""
    owner = Organisation.objects.filter(pk__in=uuids([entry.thread.partition(":")[2]])).first()
    if owner is None:
        return []
    return User.objects.filter(
        is_active=True,
        memberships__ended_at=None,
        memberships__organisation=owner,
        memberships__role__in=roles_of(owner),
    ).distinct()
