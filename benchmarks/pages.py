"""Pages and the API: CPU and queries of a whole request, beside the page's template drawn alone."""

import gzip
from collections.abc import Callable
from typing import Any

from django.template import loader
from django.test import Client

from balai.challenges.models import Challenge, ChallengeState
from balai.people.models import Role
from benchmarks import city
from benchmarks.measure import cost, heading, line, milliseconds, queries


def run() -> None:
    """One line a page: CPU ms (middle, least), queries, kB, and how much of it is the template alone."""
    stranger = city.browser()
    bureau, founder = city.browser(city.person(Role.BUREAU)), city.browser(city.person(Role.FOUNDER))
    reviewer = city.browser(city.person(Role.TKKSD))
    running, review, need = city.at("running"), city.at("review"), city.need()
    call = _challenge(running.agency)
    pages: list[tuple[str, Client, str]] = [
        ("home", stranger, "/"),
        ("register", stranger, "/kolaborasi/"),
        ("collaboration, public", stranger, f"/kolaborasi/{running.reference}/"),
        ("collaboration, inside", bureau, f"/kolaborasi/{running.reference}/"),
        ("needs", stranger, "/kebutuhan/"),
        ("need", stranger, f"/kebutuhan/{need.reference}/"),
        ("challenges", stranger, "/tantangan/"),
        ("challenge", stranger, f"/tantangan/{call}/"),
        ("partners", stranger, "/mitra/"),
        ("search", stranger, "/cari/?q=sensor"),
        ("applications of the city", bureau, "/permohonan/kota/"),
        ("applications, mine", founder, "/permohonan/"),
        ("application", bureau, f"/permohonan/{review.reference}/"),
        ("review", reviewer, f"/permohonan/{review.reference}/penilaian/"),
        ("reviews in one table", bureau, f"/permohonan/{review.reference}/ringkasan/"),
        ("inbox", bureau, "/kotak-masuk/"),
        ("API: collaborations", stranger, "/api/v1/collaborations"),
        ("API: collaboration", stranger, f"/api/v1/collaborations/{running.reference}"),
        ("API: moves", stranger, f"/api/v1/collaborations/{running.reference}/moves"),
        ("API: needs", stranger, "/api/v1/needs"),
        ("healthz", stranger, "/healthz"),
    ]
    heading("Pages", "  CPU ms", "   least", "queries", "    kB", " gzip", "template ms", "whole / template")
    for name, client, path in pages:
        _page(name, client, path)


def _page(name: str, client: Client, path: str) -> None:
    drawing: list[Callable[[], Any]] = []
    response = _drawn(client, path, drawing)
    if response.status_code != 200:
        line(name, f"answered {response.status_code}")
        return
    with queries() as sent:
        client.get(path)
    whole = cost(lambda: client.get(path))
    cells = [
        milliseconds(whole.middle),
        milliseconds(whole.least),
        f"{len(sent):7}",
        f"{len(response.content) / 1000:6.1f}",
        f"{len(gzip.compress(response.content, 6)) / 1000:5.1f}",
    ]
    if drawing:
        alone = cost(drawing[0])
        cells += [f"{alone.least * 1000:11.2f}", f"{whole.least / alone.least:16.2f}"]
    line(name, *cells)


def _drawn(client: Client, path: str, drawing: list[Callable[[], Any]]) -> Any:
    """Get the page; keep how its outermost template was drawn, with its values at hand."""
    plain = loader.render_to_string

    def keep(template: Any, context: Any = None, request: Any = None, using: Any = None) -> Any:
        drawing.append(lambda: plain(template, context, request, using))
        return plain(template, context, request, using)

    loader.render_to_string = keep  # type: ignore[assignment]
    try:
        return client.get(path)
    finally:
        loader.render_to_string = plain


def _challenge(agency: Any) -> str:
    from django.utils import timezone

    return Challenge.objects.create(
        reference="RTAN-2026-0001",
        city=agency.city,
        agency=agency,
        title="Tantangan rekaan",
        brief="Contoh untuk pengukuran.",
        dimension="mobility",
        state=ChallengeState.OPEN,
        opened_at=timezone.now(),
        invented=True,
    ).reference
