"""Who hears of an agreement beyond those who follow its thread."""

from collections.abc import Iterable

from balai.agreements.models import Agreement, AgreementState
from balai.collaborations.queries import players
from balai.core.audiences import audience
from balai.core.models import Entry
from balai.people.models import User

SIGNATORIES = ("city_signatory", "partner_signatory")


@audience("agreement.")
def both_sides(entry: Entry) -> Iterable[User]:
    """The people of both parties; the signatories once it waits for them or is done."""
    agreement = (
        Agreement.objects.select_related(
            "collaboration__scheme_version", "collaboration__partner", "collaboration__agency"
        )
        .filter(pk=entry.subject.partition(":")[2])
        .first()
    )
    if agreement is None:
        return
    collaboration = agreement.collaboration
    if collaboration is None:
        yield from User.objects.filter(
            is_active=True,
            memberships__ended_at=None,
            memberships__organisation__parties__agreement=agreement,
        ).distinct()
        return
    roles: tuple[str, ...] = ("applicant", "agency", "bureau")
    if agreement.state != AgreementState.DRAFTING:
        roles += SIGNATORIES
    for role in roles:
        yield from players(collaboration, role)
