"""A partner's kit: its contracts, how well they flow, and how its machines try and send."""

import json
from dataclasses import dataclass

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from balai.observations import rules
from balai.observations.contracts import Contract, read_contract
from balai.observations.describing import example_event
from balai.observations.models import ContractState, DataContract
from balai.observations.queries import contracts
from balai.observations.simulating import shipped_contracts
from balai.observations.standards import Address, addresses_of
from balai.observations.standing import Standing, standings
from balai.people.models import Organisation, OrganisationKind
from balai.portal.data.flow import often
from balai.portal.data.parts import title_of

DAYS = 30


@dataclass(frozen=True, slots=True)
class Part:
    """One contract of the kit as the page shows it; ``addresses`` are those of its partner's standard.

    ``inside``: the reader may see what flows under it.
    """

    standing: Standing
    whole: Contract
    title: str
    often: str
    addresses: tuple[Address, ...]
    example: str
    shipped: bool
    inside: bool


@require_safe
def kit(request: HttpRequest, slug: str) -> HttpResponse:
    """For each contract of a partner: what it asks, how to try it; inside, quality and freshness too."""
    partner = get_object_or_404(Organisation, slug=slug, kind=OrganisationKind.COMPANY, active=True)
    rows: dict[tuple[str, int], DataContract] = {}
    for row in contracts().filter(partner=partner, state=ContractState.ACTIVE):
        rows.setdefault((row.contract, row.major), row)
    if not rows and not partner.listed:
        raise Http404
    shipped = shipped_contracts()
    cities = {row.city_id: row for row in rows.values()}
    seen_in = {city: bool(rules.may_see_flow(request.user, row)) for city, row in cities.items()}
    parts = []
    for one in standings(rows.values(), DAYS):
        whole = read_contract(one.contract.document)
        example = json.dumps(example_event(whole), indent=2, ensure_ascii=False)
        ours = one.contract.contract in shipped
        inside = seen_in[one.contract.city_id]
        parts.append(
            Part(
                one,
                whole,
                title_of(whole),
                often(whole.refresh_minutes),
                addresses_of(whole.standard),
                example,
                ours,
                inside,
            )
        )
    context = {
        "partner": partner,
        "parts": parts,
        "inside": all(part.inside for part in parts),
        "days": DAYS,
        "origin": settings.ORIGIN,
        "simulated": any(part.standing.contract.invented for part in parts),
    }
    return render(request, "data/kit.html", context)
