"""Open contracting data: releases, records and the whole of it, as OCDS 1.1."""

from typing import Annotated, Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from ninja import Path, Router, Schema

from balai.api.doors import OF_PUBLIC, OF_RECORD, Cursor, Door
from balai.core.ledger import canonical_json
from balai.core.pagination import Page, paginate
from balai.programme import ocds

router = Router(tags=["ocds"], auth=Door("collaborations"))
ROOT = "/api/v1/ocds"
type Ocid = Annotated[
    str,
    Path(
        pattern=r"^ocds-[a-z0-9]{6}-[A-Z]{1,5}[0-9]{0,5}(-[0-9]{1,9}){1,2}$",
        max_length=32,
        description="e.g. ocds-000000-PLG-2026-0001",
    ),
]


class Publisher(Schema):
    name: str


class Package(Schema):
    uri: str
    version: str
    publishedDate: str  # noqa: N815 (the standard's name)
    publisher: Publisher


class ReleasePackage(Package):
    releases: list[dict[str, Any]]


class RecordPackage(Package):
    records: list[dict[str, Any]]


def _uri(path: str, cursor: str | None = None) -> str:
    query = f"?{urlencode({'cursor': cursor})}" if cursor else ""
    return f"{settings.ORIGIN}{ROOT}/{path}{query}"


def _answer(package: dict[str, Any] | None) -> HttpResponse:
    if package is None:
        raise Http404
    return HttpResponse(canonical_json(package), content_type="application/json")


def _linked(response: HttpResponse, path: str, page: Page[Any]) -> HttpResponse:
    links = {"next": page.next, "prev": page.previous}
    found = [f'<{_uri(path, cursor)}>; rel="{name}"' for name, cursor in links.items() if cursor]
    if found:
        response["Link"] = ", ".join(found)
    return response


@router.get(
    "/ocds/releases",
    response={200: ReleasePackage, **OF_RECORD},
    operation_id="list_ocds_releases",
    summary="List OCDS releases",
)
def releases(request: HttpRequest, cursor: Cursor = None) -> Any:
    """A package of every release of 25 collaborations, the latest public first; `Link` names the next."""
    page = paginate(ocds.published(), cursor, by="public_since")
    package = ocds.release_package(ocds.gather(page.rows), _uri("releases", cursor))
    return _linked(_answer(package), "releases", page)


@router.get(
    "/ocds/releases/{ocid}",
    response={200: ReleasePackage, **OF_RECORD},
    operation_id="list_ocds_releases_of",
    summary="Read the OCDS releases of a collaboration",
)
def releases_of(request: HttpRequest, ocid: Ocid) -> Any:
    """Each was published with one entry of the ledger, whose number ends its id; none is ever rewritten."""
    return _answer(ocds.release_package(_case(ocid), _uri(f"releases/{ocid}")))


@router.get(
    "/ocds/records",
    response={200: RecordPackage, **OF_RECORD},
    operation_id="list_ocds_records",
    summary="List OCDS records",
)
def records(request: HttpRequest, cursor: Cursor = None) -> Any:
    """A package of 25 records, each with its releases and what they compile to; `Link` names the next."""
    page = paginate(ocds.published(), cursor, by="public_since")
    package = ocds.record_package(ocds.gather(page.rows), _uri("records", cursor))
    return _linked(_answer(package), "records", page)


@router.get(
    "/ocds/records/{ocid}",
    response={200: RecordPackage, **OF_RECORD},
    operation_id="get_ocds_record",
    url_name="ocds_record",
    summary="Read the OCDS record of a collaboration",
)
def record(request: HttpRequest, ocid: Ocid) -> Any:
    """A package of one record."""
    return _answer(ocds.record_package(_case(ocid), _uri(f"records/{ocid}")))


def _case(ocid: str) -> list[ocds.Case]:
    prefix, reference = ocid[:11], ocid[12:]
    if prefix != settings.OCID_PREFIX:
        raise Http404
    return ocds.gather([get_object_or_404(ocds.published(), reference=reference)])


@router.get(
    "/ocds/bulk/compiled.jsonl.gz",
    response={200: None, **OF_PUBLIC},
    operation_id="download_ocds_lines",
    url_name="ocds_lines",
    summary="Download every compiled release",
)
def lines(request: HttpRequest) -> Any:
    """Gzipped JSON lines: the compiled release of every public collaboration, streamed."""
    return StreamingHttpResponse(ocds.bulk_lines(), content_type="application/gzip")


@router.get(
    "/ocds/bulk/records.json",
    response={200: RecordPackage, **OF_PUBLIC},
    operation_id="download_ocds_records",
    url_name="ocds_everything",
    summary="Download every record",
)
def everything(request: HttpRequest) -> Any:
    """One record package of every public collaboration, streamed."""
    return StreamingHttpResponse(ocds.bulk_package(), content_type="application/json")
