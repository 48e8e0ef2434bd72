"""What webhooks tell of a collaboration, and whom it concerns."""

from collections.abc import Iterable
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from balai.collaborations.models import Collaboration
from balai.core.models import Entry
from balai.core.threads import uuids
from balai.observations.webhooks.events import register
from balai.people.models import Membership, Role


def sides_of(entry: Entry) -> Iterable[UUID]:
    """The partner, the agency, and the city's cooperation bureau; who of them is told, the audience says."""
    keys = uuids([entry.thread.partition(":")[2]])
    found = Collaboration.objects.filter(pk__in=keys).values_list("partner", "agency", "city").first()
    if found is None:
        return set()
    partner, agency, city = found
    bureaus = Membership.objects.filter(
        ended_at=None, role=Role.BUREAU, organisation__kind="agency", organisation__city=city
    )
    return {pk for pk in (partner, agency) if pk} | set(bureaus.values_list("organisation_id", flat=True))


register(
    "collaboration.moved",
    label=_("A collaboration moves to another stage"),
    fields=("move", "from", "to", "outcome"),
    concerned=sides_of,
)
