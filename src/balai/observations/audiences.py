"""Who hears of data: the partner's people and those who keep the city's contracts."""

from collections.abc import Iterable

from balai.core.audiences import audience
from balai.core.models import Entry
from balai.observations.models import DataContract
from balai.observations.rules import KEEPERS
from balai.people.models import User

QUIET = frozenset({"data.row_seen", "data.replay_asked"})
"""Noted for whoever audits; nobody is told of each."""


@audience("data.")
def both_ends(entry: Entry) -> Iterable[User]:
    """The partner and the city's keepers; entries of a contract nobody knows reach nobody."""
    if entry.verb in QUIET:
        return
    contract = DataContract.objects.filter(contract=entry.subject.partition(":")[2]).first()
    if contract is None:
        return
    active = User.objects.filter(is_active=True)
    yield from active.filter(
        memberships__organisation=contract.partner_id, memberships__ended_at=None
    ).distinct()
    yield from active.filter(
        memberships__ended_at=None,
        memberships__role__in=KEEPERS,
        memberships__organisation__kind="agency",
        memberships__organisation__city=contract.city_id,
    ).distinct()
