"""Clients that sign payment notices of a contract: seen by both ends, made and replaced by those who may."""

import hashlib
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from balai.core.errors import Invalid, Refused
from balai.core.rules import require
from balai.observations import rules
from balai.observations.contracts import read_contract
from balai.observations.models import DataContract, DataKey, SnapClient
from balai.observations.queries import keys_of
from balai.observations.snap_clients import STANDARD, make_snap_client, rotate_snap_client
from balai.observations.standards.snap import PAYMENT_PATH, TOKEN_PATH
from balai.portal.data.keys import ServingForm, collaborations_of
from balai.portal.data.parts import find, inside, person, room
from balai.portal.forms import refuse

PEM = lazy(
    "PEM, beginning with -----BEGIN PUBLIC KEY-----. RSA, 2048 bits or more. The private key stays with you."
)


class NewClientForm(ServingForm):
    field_order = ("public_key", "sandbox", "subject")

    public_key = forms.CharField(
        label=lazy("Public key"), widget=forms.Textarea({"rows": 9}), max_length=5000, help_text=PEM
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subject"].help_text = _(
            "A live client needs one. It is closed at once when the pilot is suspended or ends."
        )


class NewSecretForm(forms.Form):
    public_key = forms.CharField(
        label=lazy("New public key"),
        widget=forms.Textarea({"rows": 9}),
        max_length=5000,
        required=False,
        help_text=lazy("Leave it empty to go on with the present one."),
    )


@login_required
@never_cache
@require_safe
def clients(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """Who signs under this contract, and how signing goes."""
    row = _noticed(inside(request, contract, major))
    rows = SnapClient.objects.filter(key__in=keys_of(row)).select_related("key")
    may_make = rules.may_make_key(request.user, row)
    lines = [
        {
            "it": client,
            "print": hashlib.sha256(client.public_key.encode()).hexdigest()[:16],
            "ended": _ended(client.key),
            "may_replace": bool(may_make) and client.key.stopped_at is None and client.key.expires_at is None,
        }
        for client in rows
    ]
    context = room(row, "data_snap", lines=lines, may_make=may_make, token=TOKEN_PATH, payment=PAYMENT_PATH)
    return render(request, "data/snap.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """Make a client; the answer to the press is the only page that ever shows its secret."""
    row = _noticed(find(contract, major))
    require(rules.may_make_key(request.user, row))
    form = NewClientForm(request.POST or None, collaborations=collaborations_of(request, row))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            client, secret = make_snap_client(
                by=person(request),
                contract=row,
                public_key=data["public_key"],
                sandbox=data["sandbox"] == "sandbox",
                subject=data["subject"],
            )
        except Invalid as fault:
            refuse(form, fault)
        else:
            return _shown(request, row, client, secret)
    context = room(row, "data_snap", form=form)
    return render(request, "data/snap_new.html", context, status=422 if form.errors else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def replace(request: HttpRequest, pk: str) -> HttpResponse:
    """A new client beside the old one, which signs three days longer."""
    client = SnapClient.objects.select_related("key__partner", "key__city").filter(pk=pk).first()
    if client is None:
        raise Http404
    row = _noticed(find(client.key.contract, client.key.major))
    require(rules.may_make_key(request.user, row))
    form = NewSecretForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = rotate_snap_client(
                by=person(request), client=client, public_key=form.cleaned_data["public_key"]
            )
        except Invalid as fault:
            refuse(form, fault)
        else:
            return _shown(request, row, made, secret, before=DataKey.objects.get(pk=client.pk))
    if ended := _ended(client.key):
        raise Refused(ended)
    context = room(row, "data_snap", form=form, client=client)
    return render(request, "data/snap_replace.html", context, status=422 if form.errors else 200)


def _noticed(row: DataContract) -> DataContract:
    """The contract, if payment notices are sent under it."""
    if read_contract(row.document).standard != STANDARD:
        raise Http404
    return row


def _ended(key: DataKey) -> str:
    """Why the client signs no more; empty while it does."""
    if key.stopped_at is not None:
        return _("This client was stopped: %(reason)s") % {"reason": key.stopped_reason}
    if key.expires_at is not None and key.expires_at <= timezone.now():
        return _("This client was replaced.")
    return ""


def _shown(
    request: HttpRequest, row: DataContract, client: SnapClient, secret: str, before: DataKey | None = None
) -> HttpResponse:
    context = room(row, "data_snap", client=client, secret=secret, before=before)
    return render(request, "data/snap_made.html", context)
