"""What must I do today? What happened? How do I want to hear of it?"""

import datetime as dt
from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from balai.core import threads
from balai.core.models import Entry, Follow, Notification
from balai.core.notifications import choose_pace, localised, mark_read, paces_of, sentences, unfollow
from balai.core.pagination import paginate
from balai.observations.webhooks.queries import kept_by
from balai.people.models import OrganisationKind, User
from balai.portal.components import Tab
from balai.portal.context import prefix
from balai.portal.inbox.forms import PreferencesForm
from balai.portal.inbox.sources import InboxItem, waiting_for

WEEK = dt.timedelta(days=7)
FOLLOWED = 50


@dataclass(frozen=True, slots=True)
class Group:
    title: str | Promise
    tone: str
    items: list[InboxItem]


def groups_of(items: list[InboxItem], today: dt.date) -> list[Group]:
    """Overdue first, then what is due within a week, then the rest; empty groups are left out."""
    overdue = [item for item in items if item.is_overdue(today)]
    soon = [item for item in items if item.due_on and today <= item.due_on <= today + WEEK]
    rest = [item for item in items if item.due_on is None or item.due_on > today + WEEK]
    groups = [
        Group(gettext_lazy("Overdue"), "stop", overdue),
        Group(gettext_lazy("Due within a week"), "wait", soon),
        Group(gettext_lazy("When you can"), "neutral", rest),
    ]
    return [group for group in groups if group.items]


@login_required
@never_cache
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """What must I do today?"""
    user = cast(User, request.user)
    today = timezone.localdate()
    items = waiting_for(user)
    text, path, label = _nothing(user)
    context = {
        "groups": groups_of(items, today),
        "total": len(items),
        "overdue": sum(item.is_overdue(today) for item in items),
        "seats": user.hats,
        "keeps_webhooks": bool(kept_by(user)),
        "empty_text": text,
        "empty_url": prefix() + path,
        "empty_label": label,
        "tabs": _tabs("inbox"),
    }
    return render(request, "inbox/inbox.html", context)


def _nothing(user: User) -> tuple[str, str, str]:
    """What a person without duties can do: a sentence, a path and its label, by the hat they wear."""
    kinds = {h.organisation.kind for h in user.hats}
    if OrganisationKind.AGENCY in kinds:
        return _("See what citizens ask for and pose a challenge."), "kebutuhan/", _("See the needs")
    if OrganisationKind.COMPANY in kinds:
        return _("See which challenges are open for you."), "tantangan/", _("See the challenges")
    if kinds & {OrganisationKind.MINISTRY, OrganisationKind.OVERSIGHT}:
        return _("See where every collaboration stands."), "kolaborasi/", _("See the collaborations")
    return _("Tell the city what it should change. It takes a minute."), "kebutuhan/baru/", _("Voice a need")


def _tabs(current: str) -> list[Tab]:
    pages = {
        "inbox": gettext_lazy("What waits for you"),
        "notifications": gettext_lazy("What happened"),
        "notification_preferences": gettext_lazy("How you hear of it"),
    }
    return [Tab(reverse(f"portal:{name}"), label, name == current) for name, label in pages.items()]


@login_required
@never_cache
@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """What happened on what I follow?"""
    user = cast(User, request.user)
    unread = request.GET.get("hanya") == "belum"
    rows = Notification.objects.filter(user=user, in_hub=True)
    if unread:
        rows = rows.filter(read_at=None)
    page = paginate(rows, request.GET.get("after"), by="at", size=25)
    said = sentences(Entry.objects.in_bulk([row.entry for row in page.rows]).values())
    lines = [(row, said[row.entry]) for row in page.rows if row.entry in said]
    context = {
        "lines": lines,
        "page": page,
        "unread": unread,
        "upto": max((row.pk for row in page.rows), default=0) if not request.GET.get("after") else 0,
        "tabs": _tabs("notifications"),
    }
    return render(request, "inbox/notifications.html", context)


@login_required
@never_cache
@require_safe
def open_one(request: HttpRequest, pk: int) -> HttpResponse:
    """Go to what the news is about; it counts as read from then on."""
    user = cast(User, request.user)
    row = get_object_or_404(Notification, pk=pk, user=user)
    mark_read(by=user, thread=row.thread)
    about = threads.resolve([row.thread]).get(row.thread)
    if about is None or not about.url:
        messages.info(request, _("The page this was about is not there any more."))
        return redirect("portal:notifications")
    return redirect(localised(about.url, request.LANGUAGE_CODE))


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Everything up to the newest the person saw is read; what came in since stays new."""
    text = request.POST.get("upto", "")
    if text.isascii() and text.isdigit() and len(text) < 19:
        mark_read(by=cast(User, request.user), upto=int(text))
    return redirect("portal:notifications")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """How do I want to hear of what?"""
    user = cast(User, request.user)
    form = PreferencesForm(request.POST if request.method == "POST" else None, paces=paces_of(user))
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            for kind, channel, pace in form.chosen():
                choose_pace(by=user, kind=kind, channel=channel, pace=pace)
        messages.success(request, _("Your choices were saved."))
        return redirect("portal:notification_preferences")
    follows = list(Follow.objects.filter(user=user).order_by("-since", "-pk")[:FOLLOWED])
    known = threads.resolve({follow.thread for follow in follows})
    context = {
        "form": form,
        "followed": [
            (follow, known[follow.thread], localised(known[follow.thread].url, request.LANGUAGE_CODE))
            for follow in follows
            if follow.thread in known
        ],
        "tabs": _tabs("notification_preferences"),
    }
    return render(request, "inbox/preferences.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def unfollow_thread(request: HttpRequest) -> HttpResponse:
    unfollow(by=cast(User, request.user), thread=request.POST.get("thread", "")[:80].replace("\0", ""))
    messages.success(request, _("You will not hear of it any more."))
    return redirect("portal:notification_preferences")
