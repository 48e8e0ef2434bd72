"""The kinds of news about the flow of data, and whom they concern."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from balai.core.models import Entry
from balai.observations.models import DataContract
from balai.observations.rules import KEEPERS
from balai.observations.webhooks.events import register
from balai.people.models import Membership

QUARANTINED = "data.rows_quarantined"
RELEASED = "data.released"
WHICH = ("contract", "simulated")


def ends_of(contract: DataContract) -> set[UUID]:
    """The partner, and the agencies whose people keep the city's contracts."""
    agencies = Membership.objects.filter(
        ended_at=None,
        role__in=KEEPERS,
        organisation__kind="agency",
        organisation__active=True,
        organisation__city=contract.city_id,
    )
    return {contract.partner_id, *agencies.values_list("organisation_id", flat=True)}


def which(entry: Entry) -> Mapping[str, Any]:
    """The contract an entry is about, and whether its rows are made up."""
    name = entry.subject.partition(":")[2]
    contract = DataContract.objects.filter(contract=name).first()
    return {"contract": name, "simulated": bool(contract and contract.invented)}


def both_ends(entry: Entry) -> Iterable[UUID]:
    """The organisations at both ends of the contract that an entry is about."""
    contract = DataContract.objects.filter(contract=entry.subject.partition(":")[2]).first()
    return ends_of(contract) if contract else ()


for name, label, fields in (
    ("contract_published", _("A data contract is in force"), ("version", "sha256")),
    ("contract_retired", _("A data contract is retired"), ("version", "reason")),
    ("key_made", _("A key for data was made"), ("key", "sandbox")),
    ("key_rotated", _("A key for data was replaced"), ("key", "before")),
    ("key_stopped", _("A key for data was stopped"), ("key",)),
    ("refresh_missed", _("A refresh was missed"), ("since",)),
    ("refresh_resumed", _("Rows come again after a missed refresh"), ("since",)),
    ("expired", _("Data were deleted that the contract keeps no longer"), ("before", "rows")),
    ("erased", _("The key of a day’s subjects was destroyed"), ("table", "day")),
):
    register(f"data.{name}", label=label, fields=(*WHICH, *fields), concerned=both_ends, more=which)
register(
    QUARANTINED,
    label=_("Rows were quarantined (told once an hour)"),
    fields=(*WHICH, "version", "from", "until", "received", "quarantined", "reasons"),
)
register(
    RELEASED, label=_("Figures of a day were released"), fields=(*WHICH, "version", "day", "k", "sha256")
)
