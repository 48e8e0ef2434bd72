"""Data contracts, keys and receipts, and the one way out for figures."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Path, Query, Router, Schema, Status

from balai.api.doors import OF_LIST, OF_PERSON, OF_PRIVATE, OF_RECORD, OF_WRITE, Door, visitor
from balai.core.errors import Invalid
from balai.core.rules import require
from balai.observations import actions, rules
from balai.observations.bonds import bonds_of
from balai.observations.contracts import read_contract
from balai.observations.describing import asyncapi, example, example_event, json_schema, openapi
from balai.observations.models import DataContract, DataKey, Receipt
from balai.observations.queries import keys_with_use, newest_contracts, version_that_applies
from balai.observations.release import Figure, ask, contract_in_force, why
from balai.people.models import City, Organisation

router = Router(tags=["data"], auth=Door("observations"))

type ContractId = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,79}$")]
type Major = Annotated[int, Path(ge=0, le=999_999)]


class FieldOut(Schema):
    name: str
    type: str
    role: str
    required: bool
    unit: str
    description: str
    values: list[str]


class ContractOut(Schema):
    contract: str
    version: str
    state: str
    partner: str
    city: str
    title: str
    purpose: str
    legal_basis: str
    controller: str
    granularity: str
    refresh_minutes: int
    retention_days: int
    k: int
    purposes: list[str]
    personal: bool
    simulated: bool
    sha256: str
    fields: list[FieldOut]


class ContractIn(Schema):
    """``bond``: a line of a data schedule in force, as `list_data_bonds` names it."""

    document: str
    partner: str
    bond: str = ""


class BondOut(Schema):
    """A line of an agreement's data schedule that a contract may be bound to."""

    bond: str
    agreement: str
    partner: str
    dataset: str
    direction: str
    granularity: str
    refresh: str
    personal: bool
    legal_basis: str
    controller: str
    retention_days: int | None


class PlanOut(Schema):
    """What publishing would do; ``opens``: it is a major version of its own and needs new keys."""

    contract: str
    version: str
    before: str
    changes: list[str]
    opens: bool
    bound_to: str


class KeyIn(Schema):
    sandbox: bool
    subject: Annotated[str, Query(max_length=80)] = ""
    rows_per_second: Annotated[int, Query(ge=1, le=actions.MOST_ROWS_BY_CITY)] = 2000


class KeyOut(Schema):
    """``key`` is told this once and kept nowhere."""

    id: str
    key: str
    sandbox: bool
    subject: str


class KeyLine(Schema):
    """``shut`` says why the key opens nothing now; empty where it opens."""

    id: str
    sandbox: bool
    subject: str
    rows_per_second: int
    rows_per_day: int
    rows_today: int
    created_at: datetime
    last_used: datetime | None
    expires_at: datetime | None
    stopped_at: datetime | None
    shut: str


class ReasonIn(Schema):
    reason: str


class RetireIn(Schema):
    """``earlier``: the versions before go with it; otherwise the one before applies again."""

    reason: str
    earlier: bool = True


class KeyState(Schema):
    id: str
    stopped_at: datetime | None
    stopped_reason: str


class ReceiptOut(Schema):
    id: str
    contract: str
    version: str
    received_at: datetime
    received: int
    accepted: int
    quarantined: int
    duplicates: int
    sandbox: bool


class FigureOut(Schema):
    """``value`` is null where nothing can be told; ``rows`` are those behind it."""

    key: list[str]
    value: float | None
    rows: int


class AnswerOut(Schema):
    """``rest`` could only be told of a wider grouping; ``missing`` are days without a release."""

    contract: str
    k: int
    simulated: bool
    by: list[str]
    figures: list[FigureOut]
    rest: FigureOut | None
    days: list[date]
    missing: list[date]
    versions: list[str]


class LineageOut(Schema):
    day: date
    sha256: str
    files: list[str]
    missing_files: list[str]
    batches: int


@router.get(
    "/data/contracts",
    response={200: list[ContractOut], **OF_LIST},
    operation_id="list_data_contracts",
    summary="List the data contracts in force",
)
def list_contracts(request: HttpRequest) -> Any:
    """The newest version of each contract of the city this hub hosts."""
    return [_contract(row) for row in newest_contracts(settings.DEFAULT_CITY)]


@router.get(
    "/data/contracts/{contract}/{major}",
    response={200: ContractOut, **OF_RECORD},
    operation_id="get_data_contract",
    summary="Read a data contract",
)
def get_contract(request: HttpRequest, contract: ContractId, major: Major) -> Any:
    """The newest minor version of a major one."""
    return _contract(find_contract(contract, major))


@router.get(
    "/data/contracts/{contract}/{major}/as/{form}",
    response={200: dict[str, Any], **OF_RECORD},
    operation_id="describe_data_contract",
    summary="Read what a data contract says to machines",
)
def describe(
    request: HttpRequest,
    contract: ContractId,
    major: Major,
    form: Literal["schema", "openapi", "asyncapi", "example", "example-event"],
) -> Any:
    """JSON Schema, OpenAPI, AsyncAPI, or an example that passes."""
    whole = read_contract(find_contract(contract, major).document)
    match form:
        case "schema":
            return json_schema(whole)
        case "openapi":
            return openapi(whole, settings.ORIGIN)
        case "asyncapi":
            return asyncapi(whole, settings.ORIGIN.partition("://")[2])
        case "example":
            return example(whole)
    return example_event(whole)


@router.post(
    "/data/contracts",
    response={201: ContractOut, **OF_WRITE},
    operation_id="publish_data_contract",
    summary="Put a data contract in force",
)
def publish(request: HttpRequest, body: ContractIn) -> Any:
    """A sound document in the Open Data Contract Standard; a minor version may only add optional fields."""
    made = actions.publish_contract(by=visitor(request).person, **_asked(body))
    return Status(201, _contract(made))


@router.post(
    "/data/contracts/check",
    response={200: PlanOut, **OF_WRITE},
    operation_id="check_data_contract",
    summary="See what putting a data contract in force would change",
)
def check(request: HttpRequest, body: ContractIn) -> Any:
    """Every check of publishing, and the differences from the version before; nothing is written."""
    plan = actions.plan_contract(by=visitor(request).person, **_asked(body))
    return {
        "contract": plan.contract.id,
        "version": plan.contract.version,
        "before": plan.before.version if plan.before else "",
        "changes": plan.changes,
        "opens": plan.opens,
        "bound_to": plan.subject,
    }


@router.get(
    "/data/bonds",
    response={200: list[BondOut], **OF_PERSON},
    operation_id="list_data_bonds",
    summary="List the lines of data schedules a contract may be bound to",
)
def bonds(request: HttpRequest) -> Any:
    """Those of the agreements in force of the city this hub hosts, for those who keep its contracts."""
    require(rules.may_keep_contracts(visitor(request).user, settings.DEFAULT_CITY))
    city = City.objects.filter(pk=settings.DEFAULT_CITY).first()
    return [
        {
            "bond": bond.code,
            "agreement": bond.title,
            "partner": bond.dataset.partner.slug,
            "dataset": bond.dataset.name,
            **{
                name: getattr(bond.dataset, name)
                for name in BondOut.model_fields
                if name not in ("bond", "agreement", "partner", "dataset")
            },
        }
        for bond in (bonds_of(city) if city else [])
    ]


@router.post(
    "/data/contracts/{contract}/{major}/retire",
    response={200: ContractOut, **OF_WRITE},
    operation_id="retire_data_contract",
    summary="Take a data contract out of force",
)
def retire(request: HttpRequest, contract: ContractId, major: Major, body: RetireIn) -> Any:
    """Its newest version; where none is left in force, its keys are refused. Anyone can read the reason."""
    row = actions.retire_contract(
        by=visitor(request).person,
        contract=find_contract(contract, major),
        reason=body.reason,
        earlier=body.earlier,
    )
    return _contract(row)


@router.get(
    "/data/contracts/{contract}/{major}/keys",
    response={200: list[KeyLine], **OF_PRIVATE},
    operation_id="list_data_keys",
    summary="List the keys of a data contract",
)
def list_keys(request: HttpRequest, contract: ContractId, major: Major) -> Any:
    """Every key ever made, newest first, with its last batch and its rows of the UTC day."""
    row = find_contract(contract, major)
    require(rules.may_see_flow(visitor(request).user, row))
    return [
        {
            "id": one.key.pk,
            "rows_today": one.today,
            "last_used": one.last_used,
            "shut": one.shut,
            **{
                name: getattr(one.key, name)
                for name in KeyLine.model_fields
                if name not in ("id", "rows_today", "last_used", "shut")
            },
        }
        for one in keys_with_use(row)
    ]


@router.post(
    "/data/contracts/{contract}/{major}/keys",
    response={201: KeyOut, **OF_WRITE},
    operation_id="make_data_key",
    summary="Make a key to a data contract",
)
def make_key(request: HttpRequest, contract: ContractId, major: Major, body: KeyIn) -> Any:
    """A live key opens while the collaboration it names runs; a sandbox key only checks rows."""
    row = find_contract(contract, major)
    key, text = actions.make_key(
        by=visitor(request).person,
        contract=row,
        sandbox=body.sandbox,
        subject=body.subject,
        rows_per_second=body.rows_per_second,
    )
    return Status(201, {"id": key.pk, "key": text, "sandbox": key.sandbox, "subject": key.subject})


@router.post(
    "/data/keys/{key}/rotate",
    response={201: KeyOut, **OF_WRITE},
    operation_id="rotate_data_key",
    summary="Replace a key; the old one opens three days longer",
)
def rotate_key(request: HttpRequest, key: Annotated[str, Path(max_length=16)]) -> Any:
    """The new key is told this once."""
    made, text = actions.rotate_key(by=visitor(request).person, key=_key(key))
    return Status(201, {"id": made.pk, "key": text, "sandbox": made.sandbox, "subject": made.subject})


@router.post(
    "/data/keys/{key}/stop",
    response={200: KeyState, **OF_WRITE},
    operation_id="stop_data_key",
    summary="Stop a key for good",
)
def stop_key(request: HttpRequest, key: Annotated[str, Path(max_length=16)], body: ReasonIn) -> Any:
    """From the next second on it opens nothing."""
    return actions.stop_key(by=visitor(request).person, key=_key(key), reason=body.reason)


@router.get(
    "/data/receipts/{receipt}",
    response={200: ReceiptOut, **OF_PRIVATE},
    operation_id="get_data_receipt",
    summary="Read the final account of a batch",
)
def receipt(request: HttpRequest, receipt: Annotated[str, Path(max_length=36)]) -> Any:
    """Also duplicates that only the store could find are counted here."""
    row = Receipt.objects.filter(pk=receipt).first()
    contract = DataContract.objects.filter(contract=row.contract).first() if row else None
    if row is None or contract is None:
        raise Http404
    require(rules.may_see_flow(visitor(request).user, contract))
    return row


@router.get(
    "/data/contracts/{contract}/{major}/figures/{purpose}",
    response={200: AnswerOut, **OF_PRIVATE},
    operation_id="ask_data",
    summary="Ask for figures",
)
def figures(
    request: HttpRequest,
    contract: ContractId,
    major: Major,
    purpose: Annotated[str, Path(max_length=60)],
    first: date,
    last: date,
    measure: Annotated[str, Query(max_length=60)] = "",
    aggregate: Literal["sum", "count", "mean"] = "sum",
    by: Annotated[list[str] | None, Query(max_length=4)] = None,
) -> Any:
    """Sums of atoms of at least k subjects, for a purpose of the contract, for those who may see the flow."""
    row, whole = contract_in_force(find_contract(contract, major).contract, major)
    require(rules.may_see_flow(visitor(request).user, row))
    answer = ask(
        whole,
        purpose=purpose,
        measure=measure,
        aggregate=aggregate,
        by=tuple(by or ()),
        first=first,
        last=last,
    )
    return {
        "contract": row.contract,
        "k": answer.k,
        "simulated": row.invented,
        "by": list(by or ()),
        "figures": [_figure(one) for one in answer.figures],
        "rest": _figure(answer.rest) if answer.rest else None,
        "days": list(answer.days),
        "missing": list(answer.missing),
        "versions": list(answer.versions),
    }


@router.get(
    "/data/contracts/{contract}/{major}/lineage/{day}",
    response={200: list[LineageOut], **OF_PRIVATE},
    operation_id="trace_data",
    summary="Trace a day's figures back to files and batches",
)
def lineage(request: HttpRequest, contract: ContractId, major: Major, day: date) -> Any:
    """Files by their SHA-256, and how many batches fed them."""
    row, whole = contract_in_force(find_contract(contract, major).contract, major)
    require(rules.may_see_flow(visitor(request).user, row))
    return [
        {
            "day": one.day,
            "sha256": one.sha256,
            "files": list(one.files),
            "missing_files": list(one.missing_files),
            "batches": one.batches,
        }
        for one in why(whole, [day])
    ]


def find_contract(contract: str, major: int) -> DataContract:
    """The version of a major one that applies, or the newest of those retired; 404 where there is none."""
    row = version_that_applies(contract, major)
    if row is None:
        raise Http404
    return row


def _asked(body: ContractIn) -> dict[str, Any]:
    """What the body names: city, partner, document and bond. Raises Invalid, 404."""
    partner = Organisation.objects.filter(slug=body.partner, active=True).first()
    city = City.objects.filter(pk=settings.DEFAULT_CITY).first()
    if partner is None or city is None:
        raise Http404
    asked: dict[str, Any] = {"city": city, "partner": partner, "document": body.document}
    if body.bond:
        bond = next((one for one in bonds_of(city, partner) if one.code == body.bond), None)
        if bond is None:
            raise Invalid(_("The contract cannot be bound."), {"bond": [_("There is no such line.")]})
        asked |= {"dataset": bond.dataset, "subject": bond.subject}
    return asked


def _key(key: str) -> DataKey:
    row = DataKey.objects.select_related("partner", "city").filter(pk=key).first()
    if row is None:
        raise Http404
    return row


def _contract(row: DataContract) -> dict[str, Any]:
    whole = read_contract(row.document)
    return {
        "contract": row.contract,
        "version": row.version,
        "state": row.state,
        "partner": row.partner.slug,
        "city": row.city_id,
        "title": whole.title,
        "purpose": whole.purpose,
        "legal_basis": whole.legal_basis,
        "controller": whole.controller,
        "granularity": whole.granularity,
        "refresh_minutes": whole.refresh_minutes,
        "retention_days": whole.retention_days,
        "k": whole.k,
        "purposes": list(whole.purposes),
        "personal": whole.personal,
        "simulated": row.invented,
        "sha256": row.sha256,
        "fields": [
            {
                "name": field.name,
                "type": field.type,
                "role": field.role.value,
                "required": field.required,
                "unit": field.unit,
                "description": field.description,
                "values": list(field.values),
            }
            for field in whole.fields
        ],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {"key": list(figure.key), "value": figure.value, "rows": figure.of}
