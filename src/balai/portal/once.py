"""A form that creates something, sent twice in a row, creates it once.

    @login_required
    @once
    def milestone(request, reference): ...

The second of two equal posts of one session is answered as the first was. Two at the same moment wait for
each other within one web process; what must never exist twice has its own constraint in the database.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect

PRESSED = "pressed"
SECONDS = 60
LOCKS = [threading.Lock() for _number in range(64)]

type View[**P] = Callable[Concatenate[HttpRequest, P], HttpResponse]


def fingerprint(request: HttpRequest) -> str:
    """Of what was sent and where to: fields in their order, files by name and content."""
    parts = [request.path]
    for name, values in request.POST.lists():
        if name != "csrfmiddlewaretoken":
            parts += [name, *map(str, values)]
    for name, files in request.FILES.lists():
        for file in files:
            parts += [name, str(file.name), hashlib.sha256(file.read()).hexdigest()]
            file.seek(0)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def once[**P](view: View[P]) -> View[P]:
    """Answer the second of two equal posts within a minute as the first was answered, and do nothing."""

    @wraps(view)
    def pressed(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        key = request.session.session_key
        if request.method != "POST" or key is None:
            return view(request, *args, **kwargs)
        sent = fingerprint(request)
        with LOCKS[int(hashlib.sha256(key.encode()).hexdigest(), 16) % len(LOCKS)]:
            before = type(request.session)(key).get(PRESSED)
            if before and before[0] == sent and time.time() - before[1] < SECONDS:
                return redirect(before[2])
            response = view(request, *args, **kwargs)
            if isinstance(response, HttpResponseRedirect):
                request.session[PRESSED] = [sent, time.time(), response.url]
                request.session.save()
            return response

    return cast("View[P]", pressed)
