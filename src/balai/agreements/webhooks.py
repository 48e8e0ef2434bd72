"""What webhooks tell of an agreement, and whom it concerns."""

from collections.abc import Iterable
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from balai.agreements.models import Party
from balai.core.models import Entry
from balai.core.threads import uuids
from balai.observations.webhooks.events import register


def parties_of(entry: Entry) -> Iterable[UUID]:
    """The organisations that sign it."""
    keys = uuids([entry.subject.partition(":")[2]])
    return set(Party.objects.filter(agreement__in=keys).values_list("organisation_id", flat=True))


SEALED = ("sha256", "version", "kind", "starts_on", "ends_on")
for name, label, fields in (
    ("sealed", _("An agreement is sealed and in force"), SEALED),
    ("amended", _("An agreement is amended"), ("addendum", "number", "sha256", "ends_on")),
    ("ended", _("An agreement ends"), ("reason", "last_day")),
):
    register(f"agreement.{name}", label=label, fields=fields, concerned=parties_of)
