"""The REST interface, version 1. The same rules and the same doors as the pages."""

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from balai.api import (
    agreements,
    applications,
    challenges,
    collaborations,
    data,
    flows,
    indicators,
    legal,
    needs,
    negotiation,
    ocds,
    people,
    pilots,
    reconciliation,
    webhooks,
)
from balai.core.errors import BalaiError, Invalid, Refused, Stale

api_v1 = NinjaAPI(
    title="Balai",
    version="1.0.0",
    urls_namespace="api",
    docs_url=None,
    description=(
        "One record carries a collaboration from need to effect. Reading what is public needs no key."
        "\n\n"
        "A key (`Authorization: Bearer balai_…`) acts with its owner's rights, narrowed by its scopes; "
        "without the scope of a room it sees there what a stranger sees. The rules are those of the pages, "
        "and `moves` says what the caller may do now, and why not otherwise."
        "\n\n"
        "Lists are paged by key: pass `next` as `cursor`. `Accept-Language: id` or `en` chooses the words."
    ),
)
for room in (
    needs,
    challenges,
    collaborations,
    legal,
    applications,
    agreements,
    negotiation,
    pilots,
    indicators,
    data,
    flows,
    reconciliation,
    webhooks,
    people,
    ocds,
):
    api_v1.add_router("", room.router)

STATUS: dict[type[BalaiError], tuple[int, str]] = {
    Refused: (403, "refused"),
    Stale: (409, "stale"),
    Invalid: (422, "invalid"),
}


def problem(
    request: HttpRequest, status: int, kind: str, reason: str, fields: dict[str, Any] | None = None
) -> HttpResponse:
    return api_v1.create_response(
        request, {"kind": kind, "reason": reason, "fields": fields or {}}, status=status
    )


@api_v1.exception_handler(BalaiError)
def refused(request: HttpRequest, fault: BalaiError) -> HttpResponse:
    status, kind = STATUS.get(type(fault)) or next(
        (found for kind, found in STATUS.items() if isinstance(fault, kind)), (400, "error")
    )
    fields = {name: [str(text) for text in texts] for name, texts in getattr(fault, "fields", {}).items()}
    return problem(request, status, kind, str(fault.reason), fields)


@api_v1.exception_handler(Http404)
def not_found(request: HttpRequest, _fault: Http404) -> HttpResponse:
    return problem(request, 404, "not_found", _("There is no such record, or you may not see it."))


@api_v1.exception_handler(AuthenticationError)
def unauthorised(request: HttpRequest, _fault: AuthenticationError) -> HttpResponse:
    response = problem(request, 401, "unauthorised", _("Sign in, or send a valid key."))
    response["WWW-Authenticate"] = "Bearer"
    return response


@api_v1.exception_handler(PermissionDenied)
def forbidden(request: HttpRequest, fault: PermissionDenied) -> HttpResponse:
    return problem(request, 403, "refused", str(fault) or _("This is not open to you."))


@api_v1.exception_handler(HttpError)
def http_error(request: HttpRequest, fault: HttpError) -> HttpResponse:
    kind = {403: "refused", 429: "too_many"}.get(fault.status_code, "invalid")
    response = problem(request, fault.status_code, kind, str(fault))
    if fault.status_code == 429:
        response["Retry-After"] = "60"
    return response


@api_v1.exception_handler(RequestDataTooBig)
def too_big(request: HttpRequest, _fault: RequestDataTooBig) -> HttpResponse:
    return problem(request, 413, "too_big", _("The request is too big. Nothing was changed."))


@api_v1.exception_handler(DataError)
def not_storable(request: HttpRequest, _fault: DataError) -> HttpResponse:
    """A control character or a number that no database keeps."""
    return problem(request, 422, "invalid", _("The request does not fit its description."))


@api_v1.exception_handler(ValidationError)
def not_valid(request: HttpRequest, fault: ValidationError) -> HttpResponse:
    fields: dict[str, list[str]] = {}
    for error in fault.errors:
        fields.setdefault(".".join(map(str, error["loc"])), []).append(str(error["msg"]))
    return problem(request, 422, "invalid", _("The request does not fit its description."), fields)
