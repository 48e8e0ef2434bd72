"""What the pages of this room share: finding an application, and keeping what a lost session had typed."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from balai.applications.models import Application
from balai.applications.queries import application_of
from balai.applications.rules import ANSWERS, CLOSED, CONFLICTED, Standpoint, standpoint
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import with_parties
from balai.core.errors import Refused
from balai.people.models import User
from balai.people.rules import Reader, is_person
from balai.portal.limits import limited

KEPT = "typed"
KEPT_AT_MOST = 100_000
KEPT_PER_MINUTE = 10

type View[**P] = Callable[Concatenate[HttpRequest, P], HttpResponse]


def person(user: Reader) -> User:
    """The signed-in person; 404 for anyone else."""
    if not is_person(user):
        raise Http404
    return user


def find(request: HttpRequest, reference: str) -> tuple[Application, Standpoint]:
    """The application of this reference and from where the person looks at it.

    404 to whoever may not read it, 403 to whoever has a conflict.
    """
    rows = with_parties(Collaboration.objects.visible_to(request.user).filter(documented=False))
    application = application_of(get_object_or_404(rows, reference=reference))
    view = standpoint(request.user, application)
    if ANSWERS in view.parts:
        return application, view
    if view.hat == CONFLICTED:
        raise Refused(CLOSED)
    raise Http404


def keeps_typed[**P](view: View[P]) -> View[P]:
    """Asks a stranger to sign in; what they had typed into a form waits for them on the page."""

    @wraps(view)
    def asked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if "HX-Request" in request.headers:
            return HttpResponse(
                _("You are signed out. Press the button: what you typed is kept while you sign in."),
                content_type="text/plain; charset=utf-8",
            )
        if request.method == "POST":
            body = request.POST.urlencode()
            if len(body) <= KEPT_AT_MOST and not limited(request, "application.keep", KEPT_PER_MINUTE):
                request.session[KEPT] = {"path": request.path, "body": body}
                messages.warning(
                    request, _("Your session had ended. What you typed is kept: sign in, look, and save it.")
                )
        return redirect_to_login(request.get_full_path())

    return cast(View[P], asked)


def kept(request: HttpRequest) -> QueryDict | None:
    """What was typed on this page before the session ended; given back once."""
    held = request.session.get(KEPT)
    if not isinstance(held, dict) or held.get("path") != request.path:
        return None
    del request.session[KEPT]
    return QueryDict(held["body"])
