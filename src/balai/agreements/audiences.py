"""Who hears of an agreement beyond those who follow its thread."""

from collections.abc import Iterable

from balai.agreements.models import Agreement, AgreementState, CeremonyItem, Party
from balai.agreements.rules import side_of
from balai.collaborations.queries import players
from balai.core.audiences import audience
from balai.core.models import Entry
from balai.people.models import Role, User

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
        yield from User.objects.filter(
            is_active=True,
            memberships__ended_at=None,
            memberships__role=Role.BUREAU,
            memberships__organisation__kind="agency",
            memberships__organisation__city=agreement.city_id,
        ).distinct()
        return
    roles: tuple[str, ...] = ("applicant", "agency", "bureau")
    if agreement.state != AgreementState.DRAFTING:
        roles += SIGNATORIES
    for role in roles:
        yield from players(collaboration, role)


@audience("side.")
def one_side(entry: Entry) -> Iterable[User]:
    """The people of the side that talks to itself, and nobody else."""
    rows = Party.objects.select_related(
        "agreement__collaboration__scheme_version",
        "agreement__collaboration__partner",
        "agreement__collaboration__agency",
    )
    party = rows.filter(pk=entry.subject.partition(":")[2]).first()
    if party is None:
        return
    collaboration = party.agreement.collaboration
    if collaboration is None:
        seated = User.objects.filter(
            is_active=True, memberships__ended_at=None, memberships__organisation=party.organisation_id
        )
        for person in seated.distinct():
            # Who has a seat at two parties speaks for one of them, and hears that one only.
            side = side_of(person, party.agreement)
            if side and side[0].pk == party.pk:
                yield person
        return
    partner = party.organisation_id == collaboration.partner_id
    for role in ("applicant",) if partner else ("agency", "bureau", "tkksd", "city_signatory"):
        yield from players(collaboration, role)


@audience("ceremony.")
def signatories(entry: Entry) -> Iterable[User]:
    """Whoever can sign one of the documents of a ceremony, by the seat they hold."""
    agreements = CeremonyItem.objects.filter(ceremony__pk=entry.subject.partition(":")[2]).values("agreement")
    return User.objects.filter(
        is_active=True,
        memberships__ended_at=None,
        memberships__role__in=(Role.SIGNATORY, Role.FOUNDER),
        memberships__organisation__parties__agreement__in=agreements,
    ).distinct()
