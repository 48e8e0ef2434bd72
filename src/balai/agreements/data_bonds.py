"""What the agreements say of data: whose schedule is in force, and whether data may flow under it."""

from collections.abc import Collection, Iterator

from django.db.models import Prefetch

from balai.agreements.models import Agreement, AgreementState, Party
from balai.agreements.term import is_in_force
from balai.observations.bonds import Bond, binder
from balai.observations.gates import UNKNOWN, Served, gate
from balai.observations.models import Dataset
from balai.people.models import City, Organisation

ENDED = "The agreement that schedules these data is not in force; they are not taken."


@binder("agreement")
def scheduled(city: City, partner: Organisation | None) -> Iterator[Bond]:
    """Each line of the data schedules of agreements in force with a partner of the city, or with any."""
    lines = Dataset.objects.filter(city=city).select_related("partner")
    if partner is not None:
        lines = lines.filter(partner=partner)
    rows = Agreement.objects.filter(city=city, state=AgreementState.SEALED, documented=False, amends=None)
    for agreement in rows.select_related("city", "collaboration").prefetch_related(
        "parties", Prefetch("datasets", lines)
    ):
        parties = {party.organisation_id for party in agreement.parties.all()}
        if is_in_force(agreement):
            yield from (
                Bond(agreement.subject, str(agreement), line)
                for line in agreement.datasets.all()
                if line.partner_id in parties
            )


@gate("agreement")
def binding(served: Collection[Served], sandbox: bool) -> dict[Served, str]:
    """Bonds whose agreement is not in force, or none of the partner's in the city; a sandbox needs none."""
    if sandbox:
        return {}
    pairs = {one: one.number for one in served}
    ids = [pk for pk in pairs.values() if pk]
    known = {
        (party.agreement_id, party.organisation_id): party.agreement
        for party in Party.objects.filter(agreement__in=ids).select_related("agreement")
    }
    shut: dict[Served, str] = {}
    for one, pk in pairs.items():
        agreement = known.get((pk, one.partner)) if pk else None
        if agreement is None or agreement.city_id != one.city:
            shut[one] = UNKNOWN
        elif agreement.documented or not is_in_force(agreement):
            shut[one] = ENDED
    return shut
