"""Whether a collaboration's data may flow: while its pilot runs or is evaluated, under its agreement."""

from collections.abc import Collection
from uuid import UUID

from balai.agreements.models import Agreement, AgreementKind
from balai.agreements.term import is_in_force
from balai.collaborations.models import Collaboration
from balai.observations.gates import gate

FLOWING = frozenset({"running", "evaluation"})
TRYING = FLOWING | {"preparation"}
REASONS = {
    "suspended": "The pilot is suspended; its data are not taken until it resumes.",
    "preparation": "The pilot has not started; use a sandbox key until it has.",
}
ENDED = "No agreement is in force; the data are not taken."
OVER = "The pilot is not under way; its data are not taken."


@gate("collaboration")
def running(subjects: Collection[str], sandbox: bool) -> dict[str, str]:
    """Closed collaborations with the reason."""
    ids = [pk for pk in map(_uuid, subjects) if pk]
    stages = {
        f"collaboration:{pk}": stage
        for pk, stage in Collaboration.objects.filter(pk__in=ids).values_list("pk", "stage")
    }
    open_in = TRYING if sandbox else FLOWING
    shut = {
        subject: REASONS.get(stages.get(subject, ""), OVER)
        for subject in subjects
        if stages.get(subject) not in open_in
    }
    if not sandbox:
        found = Agreement.objects.filter(collaboration__in=ids, kind=AgreementKind.PKS, documented=False)
        in_force = {f"collaboration:{one.collaboration_id}" for one in found if is_in_force(one)}
        shut |= {subject: ENDED for subject in subjects if subject not in in_force and subject not in shut}
    return shut


def _uuid(subject: str) -> UUID | None:
    try:
        return UUID(subject.partition(":")[2])
    except ValueError:
        return None
