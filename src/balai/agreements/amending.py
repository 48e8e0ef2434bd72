"""The action that begins an addendum. From then on it is negotiated and signed like any agreement."""

from collections.abc import Iterable
from datetime import date
from uuid import uuid4

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.agreements import lifecycle_rules as rules
from balai.agreements.actions import _begin, _file, _fresh, _locked, verify_address
from balai.agreements.addenda import SCHEDULES, consolidated, first_addendum_terms, open_addendum
from balai.agreements.drafting import longest_end
from balai.agreements.models import Agreement, AgreementKind, Party
from balai.agreements.queries import current_version
from balai.agreements.rules import parties_of, side_of
from balai.agreements.terms import tidy
from balai.core.errors import Invalid, Refused, Stale, Text
from balai.core.rules import require
from balai.people.models import User

LONGEST_REASON = 1000


def draft_addendum(
    *,
    agreement: Agreement,
    by: User,
    reason: str,
    articles: Iterable[str] = (),
    schedules: Iterable[str] = (),
    ends_on: date | None = None,
) -> Agreement:
    """Begin the next addendum to a sealed agreement with the chosen articles and schedules as they stand.

    ``articles`` are keys of articles, ``schedules`` names of `addenda.SCHEDULES`, ``ends_on`` a new end.
    Raises Refused unless a party asks and the agreement is in force, Invalid for the contents, Stale where
    another addendum came first.
    """
    agreement = _fresh(agreement)
    if open_addendum(agreement) and side_of(by, agreement):
        raise Stale(_("An addendum is on its way already. Finish or decline it before another begins."))
    require(rules.may_amend(by, agreement))
    latest = current_version(agreement)
    if latest is None:
        raise Refused(_("This agreement is known from published sources only. It has no text here."))
    reason, chosen, tables = tidy(reason), frozenset(articles), frozenset(schedules)
    now = consolidated(agreement)
    faults: dict[str, list[Text]] = {}
    if not reason or len(reason) > LONGEST_REASON:
        faults["reason"] = [_("A reason of 1 to 1,000 characters is needed; both sides read it.")]
    if chosen - {clause.key for clause in now.terms.clauses} or tables - set(SCHEDULES):
        faults["articles"] = [_("The agreement has no such article.")]
    extends = ends_on is not None and ends_on != agreement.ends_on
    if not chosen and not tables and not extends:
        faults["articles"] = [_("Choose at least one article or schedule, or enter another end.")]
    if ends_on is not None and extends and (fault := _end_fault(agreement, ends_on)):
        faults["ends_on"] = [fault]
    if faults:
        raise Invalid(_("The addendum cannot be begun."), faults)
    sealed = Agreement.objects.filter(amends=agreement, sealed_at__isnull=False)
    number = (sealed.aggregate(highest=Max("addendum_number"))["highest"] or 0) + 1
    pk = uuid4()
    terms = first_addendum_terms(
        agreement,
        now,
        source=latest,
        number=number,
        articles=chosen,
        schedules=tables,
        ends_on=ends_on,
        reason=reason,
        today=timezone.localdate(),
        verify_at=verify_address(pk),
    )
    document = _file(terms, by=by, city=agreement.city_id)
    addendum = Agreement(
        pk=pk,
        city=agreement.city,
        kind=AgreementKind.ADDENDUM,
        collaboration=agreement.collaboration,
        amends=agreement,
        addendum_number=number,
        affair=agreement.affair,
        title=terms.title.id,
        title_en=terms.title.en,
        starts_on=terms.starts_on,
        ends_on=terms.ends_on,
        invented=agreement.invented,
    )
    parties = parties_of(agreement)
    datasets = list(agreement.datasets.all()) if "flows" in tables else []
    with transaction.atomic():
        locked = _locked(agreement)
        if open_addendum(locked):
            raise Stale(_("An addendum is on its way already. Finish or decline it before another begins."))
        require(rules.may_amend(by, locked))
        if locked.ends_on != agreement.ends_on:
            raise Stale(_("Another addendum took effect meanwhile. Open the agreement again."))
        made = _begin(addendum, terms, document, tuple(p.organisation for p in parties), datasets, by)
        for party in parties:
            Party.objects.filter(agreement=made, place=party.place).update(
                signatory_name=party.signatory_name, signatory_title=party.signatory_title
            )
    return made


def _end_fault(agreement: Agreement, ends_on: date) -> Text | None:
    if not 2000 <= ends_on.year <= 2100:
        return _("Choose a year between 2000 and 2100.")
    if ends_on < timezone.localdate():
        return _("The new end lies in the past.")
    scheme = agreement.collaboration.scheme if agreement.collaboration else None
    limit = scheme.limits.get("term_months") if scheme else None
    if scheme and limit and agreement.starts_on and ends_on > longest_end(agreement.starts_on, limit):
        return _("The limit of %(scheme)s is %(months)s months. Choose an earlier end.") % {
            "scheme": scheme.name,
            "months": limit,
        }
    return None
