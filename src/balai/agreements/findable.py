"""Agreements in the search of the hub: those, and only those, that a stranger finds in the register."""

from django.contrib.auth.models import AnonymousUser

from balai.agreements.affairs import name_of
from balai.agreements.models import Agreement, AgreementState
from balai.core import search
from balai.core.models import SearchDocument

KIND = "agreement"
SHOWN = (AgreementState.SEALED, AgreementState.ENDED)


def _public() -> list[Agreement]:
    rows = Agreement.objects.visible_to(AnonymousUser()).filter(state__in=SHOWN)
    return list(rows.exclude(state=AgreementState.ENDED, ended_on=None))


def make_findable(agreement: Agreement) -> bool:
    """Bring the search up to date with one agreement; whether it can be found now."""
    public = Agreement.objects.visible_to(AnonymousUser()).filter(pk=agreement.pk, state__in=SHOWN)
    if not public.exclude(state=AgreementState.ENDED, ended_on=None).exists():
        search.remove(agreement.subject)
        return False
    parties = list(agreement.parties.select_related("organisation"))
    names = " ".join(f"{party.organisation.name} {party.number}" for party in parties)
    reference = agreement.collaboration.reference if agreement.collaboration else ""
    search.index(
        thread=agreement.subject,
        kind=KIND,
        city=agreement.city_id,
        public=True,
        title=agreement.title,
        title_en=agreement.title_en,
        summary=_summary(agreement, [party.organisation.name for party in parties]),
        body=f"{names} {reference} {name_of(agreement.affair)}",
        url=f"/perjanjian/{agreement.pk}/",
    )
    return True


def _summary(agreement: Agreement, names: list[str]) -> str:
    """The parties, and in both languages that the hub did not verify what it knows from paper."""
    said = "; ".join(names)
    flag = "Dicatat dari kertas, tidak diverifikasi hub. / Recorded from paper, not verified by the hub."
    return f"{said}. {flag}" if agreement.from_paper else said


def refresh() -> int:
    """Find what became public since, and forget what is public no more; how many changed."""
    public = {agreement.subject: agreement for agreement in _public()}
    known = set(SearchDocument.objects.filter(kind=KIND).values_list("thread", flat=True))
    for thread in known - public.keys():
        search.remove(thread)
    for thread in public.keys() - known:
        make_findable(public[thread])
    return len(known ^ public.keys())
