"""A contract's keys: seen by both ends, made, replaced and stopped by those who may."""

import json
import shlex
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from balai.collaborations.models import Collaboration
from balai.core.errors import Invalid
from balai.core.rules import require
from balai.observations import rules
from balai.observations.actions import (
    MOST_KEYS,
    MOST_ROWS_A_SECOND,
    MOST_ROWS_BY_CITY,
    make_key,
    rotate_key,
    stop_key,
)
from balai.observations.contracts import read_contract
from balai.observations.describing import example_event
from balai.observations.models import DataContract, DataKey, SnapClient
from balai.observations.queries import keys_with_use
from balai.observations.running import node_origin
from balai.portal.data.parts import find, inside, person, room
from balai.portal.forms import refuse

STAGES = ("preparation", "running", "suspended", "evaluation")
"""Where a key serves something: it opens in some of them and is closed in the others until it goes on."""


class ServingForm(forms.Form):
    """Sandbox or live, and what it serves; ``collaborations`` are those to choose from."""

    sandbox = forms.ChoiceField(
        label=lazy("Kind"),
        widget=forms.RadioSelect,
        initial="sandbox",
        choices=[
            ("sandbox", lazy("Sandbox: rows are checked and counted, then dropped")),
            ("live", lazy("Live: rows are kept while the pilot runs under its agreement")),
        ],
    )
    subject = forms.ChoiceField(
        label=lazy("Collaboration it serves"),
        required=False,
        help_text=lazy("A live key needs one. It is closed at once when the pilot is suspended or ends."),
    )

    def __init__(self, *args: Any, collaborations: list[Collaboration], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        subject = self.fields["subject"]
        assert isinstance(subject, forms.ChoiceField)
        subject.choices = [
            ("", _("none")),
            *((one.thread, f"{one.reference} · {one}") for one in collaborations),
        ]


class NewKeyForm(ServingForm):
    """``most`` is how many rows a second may be asked for."""

    rows_per_second = forms.IntegerField(label=lazy("Rows a second"), initial=2000, min_value=1)

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rows_per_second"].help_text = _("At most %(most)s.") % {
            "most": number_format(most, force_grouping=True)
        }


@login_required
@never_cache
@require_safe
def keys(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """Which machines may send under this contract, and do they?"""
    row = inside(request, contract, major)
    used = keys_with_use(row)
    served = {one.key.subject for one in used}
    names = {
        one.thread: one
        for one in Collaboration.objects.visible_to(request.user).filter(
            pk__in=[pk for pk in map(_collaboration, served) if pk]
        )
    }
    lines = [(one, names.get(one.key.subject)) for one in used]
    context = room(
        row,
        "data_keys",
        lines=[line for line in lines if not line[0].over],
        over=[line for line in lines if line[0].over],
        may_make=rules.may_make_key(request.user, row),
        may_stop=_stops(request, row),
        most=MOST_KEYS,
    )
    return render(request, "data/keys.html", context)


def _collaboration(subject: str) -> UUID | None:
    kind, _colon, pk = subject.partition(":")
    try:
        return UUID(pk) if kind == "collaboration" else None
    except ValueError:
        return None


def _stops(request: HttpRequest, row: DataContract) -> bool:
    return bool(rules.may_stop_key(request.user, DataKey(partner=row.partner, city=row.city)))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """Make a key; the answer to the press is the only page that ever shows it."""
    row = find(contract, major)
    require(rules.may_make_key(request.user, row))
    by = person(request)
    most = MOST_ROWS_BY_CITY if rules.keeper_hat(by, row.city_id) else MOST_ROWS_A_SECOND
    form = NewKeyForm(request.POST or None, collaborations=collaborations_of(request, row), most=most)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            key, text = make_key(
                by=by,
                contract=row,
                sandbox=data["sandbox"] == "sandbox",
                subject=data["subject"],
                rows_per_second=data["rows_per_second"],
            )
        except Invalid as fault:
            refuse(form, fault)
        else:
            return _shown(request, row, key, text)
    context = room(row, "data_keys", form=form)
    return render(request, "data/key_new.html", context, status=422 if form.errors else 200)


@login_required
@never_cache
@require_POST
def rotate(request: HttpRequest, pk: str) -> HttpResponse:
    """Replace a key; the old one opens three days longer. A client that signs is replaced with its key."""
    key, row = _key(pk)
    if SnapClient.objects.filter(pk=key.pk).exists():
        return redirect("portal:data_snap_replace", key.pk)
    made, text = rotate_key(by=person(request), key=key)
    return _shown(request, row, made, text, before=DataKey.objects.get(pk=key.pk))


class StopForm(forms.Form):
    reason = forms.CharField(
        label=lazy("Why?"),
        min_length=3,
        max_length=300,
        help_text=lazy("The sender's machine is told this. Name no person."),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, pk: str) -> HttpResponse:
    """Stop a key for good."""
    key, row = _key(pk)
    require(rules.may_stop_key(request.user, key))
    form = StopForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            stop_key(by=person(request), key=key, reason=form.cleaned_data["reason"])
        except Invalid as fault:
            refuse(form, fault)
        else:
            messages.success(request, _("The key %(key)s opens nothing any more.") % {"key": key.pk})
            return redirect("portal:data_keys", row.contract, row.major)
    context = room(row, "data_keys", form=form, key=key)
    return render(request, "data/key_stop.html", context, status=422 if form.errors else 200)


def collaborations_of(request: HttpRequest, row: DataContract) -> list[Collaboration]:
    """What a key of the contract may serve, as far as the reader sees it."""
    rows = Collaboration.objects.visible_to(request.user)
    return list(rows.filter(partner=row.partner, city=row.city_id, stage__in=STAGES).order_by("reference"))


def _key(pk: str) -> tuple[DataKey, DataContract]:
    key = DataKey.objects.select_related("partner", "city").filter(pk=pk).first()
    if key is None:
        raise Http404
    return key, find(key.contract, key.major)


def _shown(
    request: HttpRequest, row: DataContract, key: DataKey, text: str, before: DataKey | None = None
) -> HttpResponse:
    """The page that shows a key once, with what to type to try it."""
    whole = read_contract(row.document)
    example = reverse("portal:data_contract", args=(row.contract, row.major))
    context = room(
        row,
        "data_keys",
        key=key,
        text=text,
        before=before,
        command=_command(whole, text),
        back=f"{example}kunci/",
    )
    return render(request, "data/key_made.html", context)


def _command(whole: Any, text: str) -> str:
    """A line for a shell that sends the example row."""
    event = example_event(whole) | {"id": uuid4().hex, "time": timezone.now().isoformat(timespec="seconds")}
    body = json.dumps([event], ensure_ascii=False)
    return " \\\n  ".join(
        [
            f"curl {shlex.quote(node_origin() + '/v1/observations')}",
            f"-H {shlex.quote('Authorization: Bearer ' + text)}",
            "-H 'Content-Type: application/cloudevents-batch+json'",
            '-H "Idempotency-Key: $(uuidgen)"',
            f"-d {shlex.quote(body)}",
        ]
    )
