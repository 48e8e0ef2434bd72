"""The register of agreements: its filters, its order, its counts, and the affair an agreement belongs to."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import (
    Case,
    Count,
    DateField,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import affairs
from balai.agreements import lifecycle_rules as rules
from balai.agreements.findable import make_findable
from balai.agreements.models import Agreement, AgreementState, Party
from balai.agreements.term import COMING, ENDING_WITHIN, over_by_now
from balai.core import ledger
from balai.core.errors import Invalid
from balai.core.rules import require
from balai.people.models import Organisation, OrganisationKind, User
from balai.people.rules import Reader

FAR = date(9999, 1, 1)
FORCE = Q(state=AgreementState.SEALED, documented=False)
SORTS = ("new", "signed", "ending")
STATES = ("force", "ending", "coming", "over", "paper", "documented")


def registered(user: Reader) -> QuerySet[Any]:
    """The register as far as the reader may see it, each row with ``signed_on`` and ``signed_or_begun``."""
    signed = Coalesce(TruncDate("sealed_at"), F("paper__signed_on"), F("starts_on"), output_field=DateField())
    known = Case(When(state__in=(AgreementState.SEALED, AgreementState.ENDED), then=signed))
    rows: QuerySet[Any] = Agreement.objects.visible_to(user)
    begun = Coalesce(known, TruncDate("created_at"), output_field=DateField())
    found: QuerySet[Any] = rows.annotate(signed_on=known, signed_or_begun=begun)
    return found


def narrowed(rows: QuerySet[Any], values: Mapping[str, Any]) -> QuerySet[Any]:
    """Rows of `registered` that pass every filter given.

    Known filters: q, kind, state (of `STATES`), scheme, partner and agency (slugs), year, within (days to
    the end), affair.
    """
    if words := values.get("q"):
        named = Party.objects.filter(
            Q(organisation__name__icontains=words) | Q(number__icontains=words)
        ).values("agreement")
        rows = rows.filter(
            Q(title__icontains=words)
            | Q(title_en__icontains=words)
            | Q(collaboration__reference__iexact=words)
            | Q(pk__in=named)
        )
    simple = {
        "kind": "kind",
        "scheme": "collaboration__scheme_version__key",
        "affair": "affair",
        "year": "signed_on__year",
    }
    for name, field in simple.items():
        if value := values.get(name):
            rows = rows.filter(**{field: value})
    for name in ("partner", "agency"):
        if slug := values.get(name):
            rows = rows.filter(pk__in=Party.objects.filter(organisation__slug=slug).values("agreement"))
    if state := values.get("state"):
        rows = rows.filter(condition_of(state))
    if within := values.get("within"):
        rows = rows.filter(ending_within(int(within)))
    return rows


def condition_of(state: str) -> Q:
    """The rows a state of `STATES` means."""
    begun = Q(starts_on=None) | Q(starts_on__lte=timezone.localdate())
    match state:
        case "force":
            return FORCE & begun & (Q(amends__isnull=False) | ~over_by_now())
        case "ending":
            return ending_within(ENDING_WITHIN)
        case "coming":
            return Q(state__in=COMING) | FORCE & ~begun
        case "over":
            closed = Q(state__in=(AgreementState.ENDED, AgreementState.DECLINED))
            return closed | FORCE & Q(amends=None) & over_by_now()
        case "paper":
            return Q(from_paper=True)
        case "documented":
            return Q(documented=True)
    return Q()


def ending_within(days: int) -> Q:
    """In force, and its last day is at most ``days`` away."""
    return FORCE & Q(amends=None, ends_on__isnull=False) & ~over_by_now() & over_by_now(days=days + 1)


def ordered(rows: QuerySet[Any], sort: str) -> tuple[QuerySet[Any], str]:
    """The rows and the name by which `paginate` puts them in order, the first first."""
    if sort == "signed":
        return rows, "signed_or_begun"
    if sort == "ending":
        left = ExpressionWrapper(
            Value(FAR, output_field=DateField()) - F("ends_on"), output_field=DurationField()
        )
        live = FORCE & Q(amends=None, ends_on__isnull=False) & ~over_by_now()
        near = Case(When(live, then=left), default=Value(timedelta(0)), output_field=DurationField())
        return rows.annotate(nearness=near), "nearness"
    return rows, "created_at"


def counts(rows: QuerySet[Any]) -> dict[str, int]:
    """How many of the rows there are, and how many in each state; one query."""
    states = {state: Count("pk", filter=condition_of(state)) for state in STATES}
    found: dict[str, int] = rows.order_by().aggregate(total=Count("pk"), **states)
    return found


def choices(user: Reader) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer: the partners and agencies that the register names. One query."""
    visible = registered(user)
    rows = (
        Organisation.objects.filter(parties__agreement__in=visible.values("pk"))
        .distinct()
        .order_by("name")
        .values_list("slug", "name", "kind")
    )
    found: dict[str, list[tuple[str, str]]] = {"partner": [], "agency": []}
    for slug, name, kind in rows:
        found["agency" if kind == OrganisationKind.AGENCY else "partner"].append((slug, name))
    return found


def classify(*, agreement: Agreement, affair: str, by: User) -> Agreement:
    """Say to which field of government an agreement and its addenda belong; empty takes it away.

    Raises Refused unless ``by`` keeps the city's register, Invalid for an unknown affair.
    """
    require(rules.may_classify(by, agreement))
    if affair and affair not in affairs.names():
        raise Invalid(
            _("There is no such field of government in the vocabulary."),
            {"affair": [_("Choose one of the list.")]},
        )
    hat = rules.register_hat(by, agreement.city)
    with transaction.atomic():
        Agreement.objects.filter(Q(pk=agreement.pk) | Q(amends=agreement.pk)).update(affair=affair)
        ledger.append(
            verb="agreement.classified",
            subject=agreement.subject,
            thread=agreement.thread,
            by=by,
            role=hat.role if hat else "",
            organisation=hat.organisation_id if hat else None,
            city=agreement.city_id,
            public=True,
            data={"affair": affair, "vocabulary": affairs.vocabulary().version},
        )
        agreement.affair = affair
        make_findable(agreement)
    return agreement
