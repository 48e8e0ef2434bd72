"""Turns refusals, and what cannot be read at all, into one clear page."""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as said
from django.utils.translation import gettext_lazy as _

from balai.core.errors import BalaiError, Invalid, Refused, Stale

LOG = logging.getLogger(__name__)

STATUS: dict[type[BalaiError], int] = {Refused: 403, Stale: 409, Invalid: 422}
WORDS: dict[int, tuple[Promise, Promise, Promise]] = {
    403: (
        _("This is not possible yet"),
        _("Nothing was changed."),
        _("The reason above says which rule stands in the way and who can lift it."),
    ),
    409: (
        _("Somebody was faster"),
        _("Your change was not saved, so nothing of theirs is lost."),
        _("Go back, look at what changed in the meantime, and decide anew."),
    ),
    422: (
        _("Something does not fit yet"),
        _("Nothing was saved."),
        _("Go back, put right what is named above, and send it again."),
    ),
    413: (
        _("This is too much at once"),
        _("Nothing was saved."),
        _("Go back, shorten the text or choose a smaller file, and send it again."),
    ),
    400: (
        _("This could not be done"),
        _("Nothing was changed."),
        _("Go back and try again; if it stays so, tell the cooperation bureau."),
    ),
}

MOST_TIMES = 4
"""A body of so many times the largest file is not read at all; below that a form says what is too large."""

SHARED = _("This demonstration account is shared by visitors, so its sign-in cannot be seen or changed here.")
OWN_ACCOUNT = {
    "account_email",
    "account_change_password",
    "account_set_password",
    "socialaccount_connections",
    "openid_connect_login",
    "usersessions_list",
}
SIGNING_IN = {"mfa_authenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn", "mfa_login_webauthn"}


def _is_own_account(name: str) -> bool:
    """Whether the page shows or changes how a person signs in."""
    return name in OWN_ACCOUNT or (name.startswith("mfa_") and name not in SIGNING_IN)


class RefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info:
            raise Http404
        length = request.META.get("CONTENT_LENGTH") or ""
        most = MOST_TIMES * settings.UPLOAD_LIMIT_BYTES + (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
        if length.isdecimal() and int(length) > most:
            return bad_request(request, RequestDataTooBig())
        return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        """In a demonstration nobody takes over an account that every visitor shares."""
        match = request.resolver_match
        if not settings.DEMO or match is None or not _is_own_account(match.url_name or ""):
            return None
        if not getattr(request.user, "is_demo", False):
            return None
        return self.process_exception(request, Refused(SHARED))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render the reason, what is safe and what to do; other exceptions go on to Django.

        What a database cannot hold (NUL in a text, a number beyond its range) is the sender's fault.
        """
        if isinstance(exception, DataError):
            LOG.warning("%s %s held what no database keeps: %s", request.method, request.path, exception)
            exception = Invalid(
                _("Something in it cannot be stored: a control character, or a number too big.")
            )
        if not isinstance(exception, BalaiError):
            return None
        status = next((code for kind, code in STATUS.items() if isinstance(exception, kind)), 400)
        return _page(request, exception, status)


def _page(request: HttpRequest, refusal: BalaiError, status: int) -> HttpResponse:
    title, safe, then = WORDS[status]
    back = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = ""
    context = {
        "refusal": refusal,
        "refusal_status": status,
        "refusal_title": title,
        "refusal_safe": safe,
        "refusal_next": then,
        "refusal_back": back,
    }
    return render(request, "refusal.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for a request that cannot be read: 413 where it is too big, else 400."""
    try:
        if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
            return _page(request, Invalid(said("What was sent is larger than the hub takes.")), 413)
        return _page(request, Invalid(said("The request could not be read.")), 400)
    except Exception:  # a wrong host name or a broken cookie can spoil the page itself
        return HttpResponse(said("The request could not be read."), "text/plain; charset=utf-8", 400)
