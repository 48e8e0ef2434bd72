"""Reads: the agreement as a page shows it, the register, what a hash belongs to, what waits for whom."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils.translation import get_language

from balai.agreements.models import (
    LIVE,
    Agreement,
    AgreementKind,
    AgreementState,
    AgreementVersion,
    Approval,
    Party,
    RoundOutcome,
    SigningRound,
)
from balai.agreements.standard import variable_labels
from balai.collaborations.models import Collaboration
from balai.core.models import Document
from balai.people.models import Role
from balai.people.rules import Reader, is_person


def with_parties(rows: QuerySet[Agreement]) -> QuerySet[Agreement]:
    """Everything a row of the register shows: two queries, however many rows."""
    return rows.select_related(
        "city", "sealed_document", "collaboration__scheme_version", "collaboration__partner"
    ).prefetch_related(
        Prefetch("parties", Party.objects.select_related("organisation", "signature").order_by("place"))
    )


def with_file(rows: QuerySet[Agreement]) -> QuerySet[Agreement]:
    """Everything the page of one agreement shows, versions newest first."""
    versions = (
        AgreementVersion.objects.select_related("document", "proposed_for")
        .prefetch_related(Prefetch("approvals", Approval.objects.select_related("party")))
        .order_by("-number")
    )
    return with_parties(rows.select_related("collaboration__agency", "collaboration__city")).prefetch_related(
        Prefetch("versions", versions), "rounds"
    )


def current_version(agreement: Agreement) -> AgreementVersion | None:
    """The latest text; None for an agreement known from published sources only."""
    return next(iter(agreement.versions.all()[:1]), None)


def agreement_of(collaboration: Collaboration) -> Agreement | None:
    """The live agreement of a collaboration, else the last one."""
    rows = Agreement.objects.filter(collaboration=collaboration, kind=AgreementKind.PKS)
    return rows.filter(state__in=LIVE).first() or rows.first()


def latest_of(collaboration: Collaboration) -> AgreementVersion | None:
    """The latest text of the collaboration's live agreement, counted: one query.

    Carries ``party_count``, ``approval_count`` and ``signature_count``.
    """
    parties = Count("agreement__parties", distinct=True)
    return (
        AgreementVersion.objects.filter(
            agreement__collaboration=collaboration,
            agreement__kind=AgreementKind.PKS,
            agreement__documented=False,
            agreement__state__in=LIVE,
        )
        .select_related("agreement")
        .annotate(
            party_count=parties,
            approval_count=Count("approvals", distinct=True),
            signature_count=Count("agreement__signatures", distinct=True),
        )
        .order_by("-number")
        .first()
    )


def label_of_blank(name: str) -> str:
    """What a blank of the articles is called, in the reader's language."""
    label = variable_labels().get(name)
    if label is None:
        return name
    return label.inside("en" if (get_language() or "id").startswith("en") else "id")


@dataclass(frozen=True, slots=True)
class Match:
    """What a hash belongs to. ``role`` is ``sealed``, ``version`` or ``terms``."""

    agreement: Agreement
    role: str
    version: int | None = None
    superseded: bool = False


def match_hash(sha256: str) -> Match | None:
    """Find the agreement a SHA-256 belongs to: of a sealed file, a version's file, or a version's terms."""
    sha256 = sha256.lower()
    rows = with_parties(Agreement.objects.all())
    if sealed := rows.filter(sealed_document__sha256=sha256).first():
        return Match(sealed, "sealed")
    newest = AgreementVersion.objects.filter(agreement=OuterRef("agreement")).order_by("-number")
    version = (
        AgreementVersion.objects.filter(Q(document__sha256=sha256) | Q(fingerprint=sha256))
        .annotate(newest=Subquery(newest.values("number")[:1]))
        .select_related("document")
        .order_by("-number")
        .first()
    )
    if version is None:
        return None
    role = "version" if version.document.sha256 == sha256 else "terms"
    agreement = rows.get(pk=version.agreement_id)
    newest_number = getattr(version, "newest", version.number)
    return Match(agreement, role, version.number, superseded=newest_number != version.number)


def document_of(agreement: Agreement, number: int) -> Document | None:
    """The file of one version."""
    version = AgreementVersion.objects.filter(agreement=agreement, number=number).select_related("document")
    return next((v.document for v in version), None)


def awaiting_signature(user: Reader) -> QuerySet[Agreement]:
    """Agreements open for signing that wait for this person's signature: in an ordered round, in turn."""
    rows = with_parties(Agreement.objects.all())
    if not is_person(user) or not user.hats:
        return rows.none()
    own = {h.organisation_id for h in user.hats if h.role in (Role.SIGNATORY, Role.FOUNDER)}
    cities = {
        h.organisation.city_id
        for h in user.hats
        if h.role == Role.SIGNATORY and h.organisation.kind == "agency" and h.organisation.city_id
    }
    firms = {h.organisation_id for h in user.hats if h.organisation.kind == "company"}
    rounds = SigningRound.objects.filter(agreement=OuterRef("agreement"))
    running = rounds.filter(closed_at=None)
    earlier = Party.objects.filter(
        agreement=OuterRef("agreement"), place__lt=OuterRef("place"), signature=None
    )
    unsigned = (
        Party.objects.filter(signature=None)
        .exclude(mandate="")
        .exclude(Exists(running.filter(ordered=True)) & Exists(earlier))
        .exclude(Exists(rounds.filter(outcome=RoundOutcome.EXPIRED)) & ~Exists(running))
    )
    mine = unsigned.filter(organisation__in=own) | unsigned.filter(
        organisation__kind="agency", agreement__city__in=cities
    ).exclude(agreement__collaboration__partner__in=firms)
    by_itself = Q(collaboration=None) | Q(amends__isnull=False)
    open_now = Q(collaboration__stage="signing", amends=None) | by_itself & Q(state=AgreementState.SIGNING)
    return rows.filter(
        open_now,
        state__in=(AgreementState.DRAFTING, AgreementState.SIGNING),
        pk__in=mine.values("agreement"),
    )


def find(pk: UUID) -> Agreement:
    """One agreement with its file. Raises Agreement.DoesNotExist."""
    return with_file(Agreement.objects.all()).get(pk=pk)
