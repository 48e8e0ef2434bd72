"""Whether a collaboration's data may flow: while its pilot runs or is evaluated, under its agreement."""

from collections.abc import Collection

from balai.agreements.models import Agreement, AgreementKind
from balai.agreements.term import is_in_force
from balai.collaborations.models import Collaboration
from balai.observations.gates import UNKNOWN, Served, gate

FLOWING = frozenset({"running", "evaluation"})
TRYING = FLOWING | {"preparation"}
REASONS = {
    "suspended": "The pilot is suspended; its data are not taken until it resumes.",
    "preparation": "The pilot has not started; use a sandbox key until it has.",
}
ENDED = "No agreement is in force; the data are not taken."
OVER = "The pilot is not under way; its data are not taken."


@gate("collaboration")
def running(served: Collection[Served], sandbox: bool) -> dict[Served, str]:
    """Closed collaborations with the reason."""
    ids = [pk for pk in (one.number for one in served) if pk]
    stages = {
        Served(f"collaboration:{pk}", partner, city): stage
        for pk, partner, city, stage in Collaboration.objects.filter(pk__in=ids).values_list(
            "pk", "partner_id", "city_id", "stage"
        )
    }
    open_in = TRYING if sandbox else FLOWING
    shut = {
        one: REASONS.get(stages[one], OVER) if one in stages else UNKNOWN
        for one in served
        if stages.get(one) not in open_in
    }
    if not sandbox:
        found = Agreement.objects.filter(collaboration__in=ids, kind=AgreementKind.PKS, documented=False)
        in_force = {f"collaboration:{one.collaboration_id}" for one in found if is_in_force(one)}
        shut |= {one: ENDED for one in served if one.subject not in in_force and one not in shut}
    return shut
