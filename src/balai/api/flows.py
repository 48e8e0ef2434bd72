"""What both ends keep an eye on: days, receipts and rows in quarantine of a data contract."""

from datetime import date, datetime
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from ninja import Path, Query, Router, Schema

from balai.api.data import ContractId, Major, find_contract
from balai.api.doors import OF_PRIVATE, OF_WRITE, Cursor, Door, visitor
from balai.core.pagination import paginate
from balai.core.rules import require
from balai.observations import quarantine, rules
from balai.observations.contracts import read_contract
from balai.observations.models import DataContract, Quarantined, Receipt
from balai.observations.queries import flow_of, freshness_of, receipts_of

router = Router(tags=["data"], auth=Door("observations"))

type RowId = Annotated[int, Path(ge=1, le=2**62)]


class DayOut(Schema):
    day: date
    batches: int
    received: int
    accepted: int
    quarantined: int
    duplicates: int


class FlowOut(Schema):
    """Live batches of the last 30 days; ``refresh_minutes`` is how often one is promised."""

    last: datetime | None
    next: datetime | None
    refresh_minutes: int
    missed_since: datetime | None
    days: list[DayOut]


class ReceiptLine(Schema):
    id: str
    key: str
    version: str
    received_at: datetime
    received: int
    accepted: int
    quarantined: int
    duplicates: int
    replayed: int
    expired: int
    sandbox: bool


class ReceiptPage(Schema):
    items: list[ReceiptLine]
    next: str | None
    previous: str | None


class BadRow(Schema):
    """``state`` is waiting, asked or taken; ``kept`` is whether the row itself was kept."""

    id: int
    batch: str
    row: int
    version: str
    pointer: str
    reason: str
    received_at: datetime
    state: str
    tried_at: datetime | None
    replayed_at: datetime | None
    receipt: str
    kept: bool


class AccountOut(Schema):
    """``quarantined`` = ``waiting`` + ``replayed`` + ``expired``."""

    quarantined: int
    waiting: int
    replayed: int
    expired: int


class QuarantinePage(Schema):
    account: AccountOut
    items: list[BadRow]
    next: str | None
    previous: str | None


class RowText(Schema):
    id: int
    text: str


class AgainIn(Schema):
    """``corrected`` is the whole row; empty: as it came. Only the partner corrects."""

    corrected: str = ""


class Chosen(Schema):
    """Which rows to try again; all of them where nothing is said."""

    pointer: str | None = None
    reason: str = ""
    day: date | None = None


class AskedOut(Schema):
    right: int
    wrong: int


@router.get(
    "/data/contracts/{contract}/{major}/flow",
    response={200: FlowOut, **OF_PRIVATE},
    operation_id="get_data_flow",
    summary="See how fresh a flow is and what came each day",
)
def flow(request: HttpRequest, contract: ContractId, major: Major) -> Any:
    """Days without a batch are left out."""
    row = _inside(request, contract, major)
    minutes = read_contract(row.document).refresh_minutes
    fresh = freshness_of(row, minutes)
    return {
        "last": fresh.last,
        "next": fresh.next,
        "refresh_minutes": minutes,
        "missed_since": fresh.missed_since,
        "days": flow_of(row),
    }


@router.get(
    "/data/contracts/{contract}/{major}/receipts",
    response={200: ReceiptPage, **OF_PRIVATE},
    operation_id="list_data_receipts",
    summary="List the receipts of a data contract",
)
def receipts(request: HttpRequest, contract: ContractId, major: Major, cursor: Cursor = None) -> Any:
    """Final accounts, newest first, of live and sandbox batches."""
    rows: QuerySet[Receipt] = receipts_of(_inside(request, contract, major))
    page = paginate(rows, cursor, by="received_at")
    return {"items": page.rows, "next": page.next, "previous": page.previous}


@router.get(
    "/data/contracts/{contract}/{major}/quarantine",
    response={200: QuarantinePage, **OF_PRIVATE},
    operation_id="list_quarantined_rows",
    summary="List rows that were not taken",
)
def bad_rows(
    request: HttpRequest,
    contract: ContractId,
    major: Major,
    cursor: Cursor = None,
    pointer: Annotated[str | None, Query(max_length=200)] = None,
    reason: Annotated[str, Query(max_length=300)] = "",
    day: date | None = None,
) -> Any:
    """Place and reason of each; what was sent is told by another operation, which the ledger notes."""
    row = _inside(request, contract, major)
    page = paginate(
        quarantine.quarantine_of(row, pointer=pointer, reason=reason, day=day), cursor, by="received_at"
    )
    return {
        "account": quarantine.account_of(row),
        "items": [_bad(one) for one in page.rows],
        "next": page.next,
        "previous": page.previous,
    }


@router.post(
    "/data/quarantine/{row}/open",
    response={200: RowText, **OF_WRITE},
    operation_id="open_quarantined_row",
    summary="Read a row that was not taken",
)
def open_row(request: HttpRequest, row: RowId) -> Any:
    """For the partner's administrators and the city; the ledger notes who read it."""
    bad, contract = _row(row)
    return {
        "id": bad.pk,
        "text": quarantine.open_row(by=visitor(request).person, row=bad, contract=contract),
    }


@router.post(
    "/data/quarantine/{row}/retry",
    response={200: BadRow, **OF_WRITE},
    operation_id="retry_quarantined_row",
    summary="Try a row again",
)
def retry(request: HttpRequest, row: RowId, body: AgainIn) -> Any:
    """422 with place and reason where it is still wrong; otherwise it is taken within a minute."""
    bad, contract = _row(row)
    quarantine.try_again(by=visitor(request).person, contract=contract, row=bad, corrected=body.corrected)
    bad.refresh_from_db()
    return _bad(bad)


@router.post(
    "/data/contracts/{contract}/{major}/quarantine/retry",
    response={200: AskedOut, **OF_WRITE},
    operation_id="retry_quarantined_rows",
    summary="Try rows again under the present version",
)
def retry_all(request: HttpRequest, contract: ContractId, major: Major, body: Chosen) -> Any:
    """The oldest thousand of those chosen: how many are right now, and how many are still wrong."""
    row = find_contract(contract, major)
    rows = quarantine.quarantine_of(row, pointer=body.pointer, reason=body.reason, day=body.day)
    return quarantine.try_all_again(by=visitor(request).person, contract=row, rows=rows)


def _inside(request: HttpRequest, contract: str, major: int) -> DataContract:
    row = find_contract(contract, major)
    require(rules.may_see_flow(visitor(request).user, row))
    return row


def _row(pk: int) -> tuple[Quarantined, DataContract]:
    bad = Quarantined.objects.filter(pk=pk).first()
    if bad is None:
        raise Http404
    contract = quarantine.contract_of(bad)
    if contract is None:
        raise Http404
    return bad, contract


def _bad(row: Quarantined) -> dict[str, Any]:
    state = "taken" if row.replayed_at else "asked" if row.asked_at else "waiting"
    plain = {name: getattr(row, name) for name in BadRow.model_fields if name not in ("state", "kept")}
    return {**plain, "state": state, "kept": row.sealed is not None}
