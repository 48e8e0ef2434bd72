"""Sign through a remote provider: find the key, have a code sent, sign."""

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from balai.agreements import remote_signing, rules
from balai.agreements.models import Agreement
from balai.agreements.queries import current_version
from balai.core.errors import Invalid
from balai.core.rules import require
from balai.portal.agreements.signing_forms import AccountForm, RemoteForm
from balai.portal.agreements.views import _mine, _person
from balai.portal.forms import refuse


@sensitive_post_parameters("pin", "otp")
@never_cache
@login_required
@reauthentication_required  # type: ignore[untyped-decorator]
def remote(request: HttpRequest, pk: UUID, provider: str) -> HttpResponse:
    """Sign with the key a provider keeps for the signatory."""
    if all(one.key != provider for one in remote_signing.providers()):
        raise Http404
    agreement = _mine(request, pk)
    latest = current_version(agreement)
    if latest is None:
        raise Http404
    party = rules.party_to_sign(request.user, agreement)
    require(rules.may_sign(request.user, agreement, party))
    signer = remote_signing.session_with(provider)
    account = AccountForm(request.POST or None)
    context = {"it": agreement, "provider": signer.provider, "party": party, "latest": latest}
    if request.method != "POST" or not account.is_valid():
        status = 422 if request.method == "POST" else 200
        return render(request, "agreements/remote.html", context | {"account": account}, status=status)
    try:
        keys = remote_signing.find_credentials(signer=signer, user_id=account.cleaned_data["user_id"])
    except Invalid as fault:
        refuse(account, fault)
        return render(request, "agreements/remote.html", context | {"account": account}, status=422)
    choices = [(key.id, remote_signing.holder(key)) for key in keys]
    step = request.POST.get("step", "")
    start = {
        "seen": latest.document.sha256,
        "user_id": account.cleaned_data["user_id"],
        "credential": request.POST.get("credential") or keys[0].id,
    }
    form = RemoteForm(choices, request.POST if step == "sign" else None, initial=start)
    context |= {"form": form, "sends_code": any(key.sends_otp for key in keys)}
    status = 200
    if step == "code":
        status = _code(request, signer, {key.id for key in keys})
    elif step == "sign":
        status = 422
        if form.is_valid():
            try:
                _sign(request, agreement, signer, form)
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(request, _("Your certified signature was checked and counts."))
                return redirect("portal:agreement", pk=pk)
    return render(request, "agreements/remote.html", context, status=status)


def _code(request: HttpRequest, signer: remote_signing.RemoteSigner, known: set[str]) -> int:
    chosen = str(request.POST.get("credential", ""))
    if chosen not in known:
        messages.error(request, _("Choose a key first."))
        return 422
    try:
        remote_signing.send_code(signer=signer, credential_id=chosen)
    except Invalid as fault:
        messages.error(request, str(next(iter(fault.fields.values()))[0]))
        return 422
    messages.info(request, _("%(name)s sent you a one-time code.") % {"name": signer.provider.name})
    return 200


def _sign(
    request: HttpRequest, agreement: Agreement, signer: remote_signing.RemoteSigner, form: RemoteForm
) -> None:
    data = form.cleaned_data
    remote_signing.sign_remotely(
        agreement=agreement,
        signer=signer,
        credential_id=data["credential"],
        by=_person(request),
        seen_sha256=data["seen"],
        pin=data["pin"],
        otp=data["otp"].strip(),
    )
