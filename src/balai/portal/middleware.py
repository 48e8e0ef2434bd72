"""Turns an action's refusal into one clear page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from balai.core.errors import BalaiError, Invalid, Refused, Stale

STATUS: dict[type[BalaiError], int] = {Refused: 403, Stale: 409, Invalid: 422}


class RefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render the reason; anything that is not a refusal goes on to Django."""
        if not isinstance(exception, BalaiError):
            return None
        return render(
            request, "refusal.html", {"refusal": exception}, status=STATUS.get(type(exception), 400)
        )
