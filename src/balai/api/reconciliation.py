"""The books of disbursements for machines: what was instructed, and what became of it, to the whole unit."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils.timezone import localtime
from ninja import Path, Router, Schema

from balai.api.data import ContractId, Major
from balai.api.doors import OF_PRIVATE, Door, visitor
from balai.core.rules import require
from balai.observations import reconciling, rules
from balai.observations.contracts import Contract
from balai.observations.disbursing import names_of
from balai.observations.models import DataContract
from balai.observations.release import contract_in_force

router = Router(tags=["data"], auth=Door("observations"))

MOST = 1000
"""Instructions in one answer; those with a finding come first."""


class SumsOut(Schema):
    """instructed + over - under = paid - returned + failed + open, in whole units of the currency."""

    instructed: int
    paid: int
    returned: int
    failed: int
    open: int
    over: int
    under: int


class AccountOut(Schema):
    """``states`` and ``findings`` count instructions; a finding that there is none of is left out."""

    batch: str
    first_at: datetime
    last_at: datetime
    instructions: int
    came_back: int
    sums: SumsOut
    states: dict[str, int]
    findings: dict[str, int]


class BooksOut(Schema):
    contract: str
    currency: str
    simulated: bool
    total: SumsOut
    batches: list[AccountOut]


class LineOut(Schema):
    """One instruction, without its payee; ``instructed_at`` is null where nobody instructed it."""

    instruction: str
    instructed_at: datetime | None
    last_at: datetime
    state: str
    failure_code: str
    findings: list[str]
    sums: SumsOut


class ReasonOut(Schema):
    code: str
    count: int
    amount: int


class BatchOut(Schema):
    """``more`` says that there are further instructions than those listed."""

    contract: str
    currency: str
    simulated: bool
    account: AccountOut
    reasons: list[ReasonOut]
    lines: list[LineOut]
    more: bool


@router.get(
    "/data/contracts/{contract}/{major}/reconciliation",
    response={200: BooksOut, **OF_PRIVATE},
    operation_id="reconcile_disbursements",
    summary="Reconcile disbursements",
)
def reconcile(request: HttpRequest, contract: ContractId, major: Major, since: date | None = None) -> Any:
    """Every batch that began on ``since`` or later, the newest first, for those who may see the flow."""
    row, whole, currency = _find(request, contract, major)
    found = reconciling.accounts(whole)
    if since is not None:
        found = [one for one in found if localtime(one.first_at).date() >= since]
    return {
        "contract": row.contract,
        "currency": currency,
        "simulated": row.invented,
        "total": reconciling.total([one.sums for one in found]),
        "batches": found,
    }


@router.get(
    "/data/contracts/{contract}/{major}/reconciliation/{batch}",
    response={200: BatchOut, **OF_PRIVATE},
    operation_id="reconcile_batch",
    summary="Reconcile one batch of disbursements",
)
def reconcile_batch(
    request: HttpRequest, contract: ContractId, major: Major, batch: Annotated[str, Path(max_length=99)]
) -> Any:
    """Its instructions, those with a finding first, and why some stay failed."""
    row, whole, currency = _find(request, contract, major)
    found = reconciling.books(whole, batch, MOST + 1)
    if found is None:
        raise Http404
    return {
        "contract": row.contract,
        "currency": currency,
        "simulated": row.invented,
        "account": found.account,
        "reasons": found.reasons,
        "lines": [_line(line) for line in found.lines[:MOST]],
        "more": len(found.lines) > MOST,
    }


def _find(request: HttpRequest, contract: str, major: int) -> tuple[DataContract, Contract, str]:
    """The contract and its currency, for those who may see what flows. Raises Refused, Invalid, Http404."""
    row, whole = contract_in_force(contract, major)
    require(rules.may_see_flow(visitor(request).user, row))
    names = names_of(whole)
    if names is None:
        raise Http404
    return row, whole, names.currency


def _line(line: reconciling.Line) -> dict[str, Any]:
    return {
        "instruction": line.instruction,
        "instructed_at": line.instructed_at,
        "last_at": line.last_at,
        "state": line.state,
        "failure_code": line.code,
        "findings": list(line.findings),
        "sums": line.sums,
    }
