"""Turns an action's refusal into one clear page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from balai.core.errors import BalaiError, Invalid, Refused, Stale

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
    400: (
        _("This could not be done"),
        _("Nothing was changed."),
        _("Go back and try again; if it stays so, tell the cooperation bureau."),
    ),
}


class RefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render the reason, what is safe and what to do; other exceptions go on to Django."""
        if not isinstance(exception, BalaiError):
            return None
        status = next((code for kind, code in STATUS.items() if isinstance(exception, kind)), 400)
        title, safe, then = WORDS[status]
        back = request.headers.get("Referer", "")
        if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
            back = ""
        context = {
            "refusal": exception,
            "refusal_status": status,
            "refusal_title": title,
            "refusal_safe": safe,
            "refusal_next": then,
            "refusal_back": back,
        }
        return render(request, "refusal.html", context, status=status)
