"""The books of disbursements, for those at either end: what was instructed, and what became of it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.formats import date_format, number_format
from django.utils.text import slugify
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from balai.observations.contracts import Contract, read_contract
from balai.observations.disbursing import names_of
from balai.observations.models import DataContract
from balai.observations.reconciling import (
    FINDINGS,
    STATES,
    Account,
    Finding,
    Line,
    State,
    Sums,
    accounts,
    books,
    every_line,
    has_books,
    total,
)
from balai.portal import charts
from balai.portal.components import Facts
from balai.portal.csv import csv_response, csv_stream
from balai.portal.data.parts import inside, room
from balai.portal.templatetags.balai import rupiah

A_PAGE = 25
DRAWN = 12
SHOWN = 200
TONES = {State.SETTLED: "done", State.FAILED: "stop", State.OPEN: "wait", State.UNKNOWN: "stop"}


@login_required
@never_cache
@require_safe
def batches(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """Every batch with its sums, the newest first, and what does not fit."""
    row, whole, currency = _find(request, contract, major)
    found = accounts(whole)
    start = _start(request, len(found))
    context = room(row, "data_disbursements")
    context |= {
        "facts": _totals(found, currency),
        "odd": sum(one.odd for one in found),
        "chart": _chart(found),
        "rows": [_batch(one, currency) for one in found[start : start + A_PAGE]],
        "all": _sums(total([one.sums for one in found]), currency) if len(found) > 1 else None,
        "newer": f"?mulai={max(start - A_PAGE, 0)}" if start else "",
        "older": f"?mulai={start + A_PAGE}" if start + A_PAGE < len(found) else "",
    }
    return render(request, "data/disbursements.html", context)


@login_required
@never_cache
@require_safe
def batch(request: HttpRequest, contract: str, major: int, batch: str) -> HttpResponse:
    """One batch: its equation, what does not fit, what is open, and why some failed."""
    row, whole, currency = _find(request, contract, major)
    found = books(whole, batch, SHOWN)
    if found is None:
        raise Http404
    account = found.account
    looked_at = [line for line in found.lines if line.findings or line.state is State.OPEN]
    context = room(row, "data_disbursements")
    context |= {
        "account": account,
        "facts": _facts(account),
        "sums": _sums(account.sums, currency),
        "equation": _equation(account.sums, currency),
        "states": [(STATES[state], count) for state, count in account.states.items() if count],
        "findings": [(FINDINGS[finding], count) for finding, count in account.findings.items()],
        "lines": [_line(line, currency) for line in looked_at],
        "more": len(found.lines) == SHOWN == len(looked_at),
        "reasons": [(one.code, one.count, _money(one.amount, currency)) for one in found.reasons],
    }
    return render(request, "data/disbursement.html", context)


@login_required
@never_cache
@require_safe
def batches_csv(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """Every batch in one line: sums in whole units, instructions by state, findings by kind."""
    row, whole, currency = _find(request, contract, major)
    head = ["batch", "first_at", "last_at", "currency", "instructions", *Sums.__annotations__]
    head += ["instructions_returned", *(f"instructions_{state}" for state in State), *Finding, "simulated"]
    rows = [
        [
            one.batch,
            localtime(one.first_at).isoformat(timespec="seconds"),
            localtime(one.last_at).isoformat(timespec="seconds"),
            currency,
            one.instructions,
            *_numbers(one.sums),
            one.came_back,
            *one.states.values(),
            *(one.findings.get(finding, 0) for finding in Finding),
            int(row.invented),
        ]
        for one in accounts(whole)
    ]
    return csv_response(f"{row.contract}-{row.major}-disbursements.csv", head, rows)


@login_required
@never_cache
@require_safe
def batch_csv(request: HttpRequest, contract: str, major: int, batch: str) -> HttpResponseBase:
    """Every instruction of a batch in one line, without its payee."""
    row, whole, currency = _find(request, contract, major)
    if not has_books(whole, batch):
        raise Http404
    head = ["batch", "instruction", "instructed_at", "last_at", "currency", *Sums.__annotations__]
    head += ["state", "failure_code", "findings", "simulated"]
    rows = (
        [
            line.batch,
            line.instruction,
            localtime(line.instructed_at).isoformat(timespec="seconds") if line.instructed_at else "",
            localtime(line.last_at).isoformat(timespec="seconds"),
            currency,
            *_numbers(line.sums),
            line.state,
            line.code,
            " ".join(line.findings),
            int(row.invented),
        ]
        for line in every_line(whole, batch)
    )
    return csv_stream(f"{row.contract}-{row.major}-{slugify(batch)}.csv", head, rows)


def _find(request: HttpRequest, contract: str, major: int) -> tuple[DataContract, Contract, str]:
    """The contract and its currency, for those who may see what flows. Raises Refused, Http404."""
    row = inside(request, contract, major)
    whole = read_contract(row.document)
    names = names_of(whole)
    if names is None:
        raise Http404
    return row, whole, names.currency


def _start(request: HttpRequest, count: int) -> int:
    given = request.GET.get("mulai", "")
    return min(int(given), count) if given.isdecimal() and len(given) < 9 else 0


def _money(amount: int, currency: str) -> str:
    if currency == "IDR":
        return rupiah(amount)
    return f"{currency} {number_format(amount, force_grouping=True)}"


def _number(count: int) -> str:
    return number_format(count, force_grouping=True)


def _numbers(sums: Sums) -> list[int]:
    return [getattr(sums, name) for name in Sums.__annotations__]


def _sums(sums: Sums, currency: str) -> dict[str, str]:
    return {name: _money(getattr(sums, name), currency) for name in Sums.__annotations__}


def _totals(found: list[Account], currency: str) -> Facts:
    sums = total([one.sums for one in found])
    return [
        (_("Payment batches"), _number(len(found))),
        (_("Instructed"), _money(sums.instructed, currency)),
        (_("Reached the payees"), _money(sums.standing, currency)),
        (_("Failed"), _money(sums.failed, currency)),
        (_("Still open"), _money(sums.open, currency)),
        (_("Findings"), _number(sum(one.odd for one in found))),
    ]


def _chart(found: list[Account]) -> dict[str, Any] | None:
    """How much of each batch reached its payees, of the newest batches."""
    shares = [
        (one, 100 * one.sums.standing / one.sums.instructed) for one in found[:DRAWN] if one.sums.instructed
    ]
    if not shares:
        return None
    title = _("Part of the money that reached its payees, by batch")
    words = _("%(count)s batches; the least is %(least)s, the most %(most)s.") % {
        "count": len(shares),
        "least": charts.figure(min(share for _one, share in shares), "%", 1),
        "most": charts.figure(max(share for _one, share in shares), "%", 1),
    }
    bars = [
        charts.Bar(f"{one.batch} · {date_format(localtime(one.first_at), 'j M')}", share)
        for one, share in shares
    ]
    return {"svg": charts.bars(bars, title=title, desc=words, unit="%"), "title": title}


def _batch(one: Account, currency: str) -> dict[str, Any]:
    return {"it": one, "sums": _sums(one.sums, currency), "odd": one.odd}


def _facts(account: Account) -> Facts:
    return [
        (_("First"), date_format(localtime(account.first_at), "j F Y, H.i")),
        (_("Latest"), date_format(localtime(account.last_at), "j F Y, H.i")),
        (_("Instructions"), _number(account.instructions)),
        (_("Of them with money that came back"), _number(account.came_back)),
    ]


def _equation(sums: Sums, currency: str) -> list[tuple[str, str]]:
    """The books in the order in which they add up; what only a finding brings is left out without one."""
    rows = [
        (_("Instructed"), sums.instructed, True),
        (_("+ paid and meant by nobody"), sums.over, bool(sums.over)),
        (_("− came back and was never paid"), sums.under, bool(sums.under)),
        (_("= paid"), sums.paid, True),
        (_("− came back"), sums.returned, True),
        (_("+ failed"), sums.failed, True),
        (_("+ still open"), sums.open, True),
    ]
    return [(words, _money(amount, currency)) for words, amount, shown in rows if shown]


def _line(line: Line, currency: str) -> dict[str, Any]:
    return {
        "it": line,
        "sums": _sums(line.sums, currency),
        "state": STATES[line.state],
        "tone": TONES[line.state],
        "findings": [FINDINGS[finding] for finding in line.findings],
    }
