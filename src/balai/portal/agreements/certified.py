"""Pages for signatures made elsewhere: bring a signed file; keep the list of authorities the city trusts."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from balai.agreements import actions, rules, trust
from balai.agreements.certified import newest_file
from balai.agreements.models import RevocationList, SignedUpload, TrustAnchor
from balai.core import documents
from balai.core.errors import Invalid, Refused
from balai.people.models import City
from balai.portal.agreements.forms import AuthorityForm, RevocationForm, SignedFileForm, WithdrawForm
from balai.portal.agreements.views import _latest, _mine, _person
from balai.portal.forms import refuse


@login_required
def bring(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the file to sign elsewhere, and bring it back signed."""
    agreement = _mine(request, pk)
    latest = _latest(agreement)
    form = SignedFileForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                actions.bring_signed(agreement=agreement, file=file, name=file.name, by=_person(request))
            except Invalid as fault:
                refuse(form, fault)
            else:
                messages.success(request, _("The certified signature was checked and counts."))
                return redirect("portal:agreement_certified", pk=pk)
    language = "en" if (get_language() or "id").startswith("en") else "id"
    uploads = SignedUpload.objects.filter(agreement=agreement).select_related(
        "signature__party__organisation"
    )
    return render(
        request,
        "agreements/certified.html",
        {
            "it": agreement,
            "latest": latest,
            "form": form,
            "verdict": rules.may_bring(request.user, agreement),
            "uploads": [{"it": upload, "said": upload.report["said"][language]} for upload in uploads],
        },
        status=status,
    )


@require_GET
@login_required
def newest(request: HttpRequest, pk: UUID) -> FileResponse:
    """The file the next signatory signs."""
    agreement = _mine(request, pk)
    return documents.serve(newest_file(agreement, _latest(agreement)))


@require_GET
@login_required
def report(request: HttpRequest, pk: UUID, place: int) -> JsonResponse:
    """The validation report of one certified signature."""
    uploads = SignedUpload.objects.filter(agreement=_mine(request, pk), signature__party__place=place)
    return JsonResponse(get_object_or_404(uploads).report)


@login_required
def trust_list(request: HttpRequest) -> HttpResponse:
    """Whom does the city trust, since when, on what ground?"""
    city = _city(request)
    form = AuthorityForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                trust.add_anchor(
                    city=city, certificate=data["file"].read(), source=data["source"], by=_person(request)
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:trust_list")
    return _listed(request, city, status, form=form)


@require_POST
@login_required
def trust_revocations(request: HttpRequest) -> HttpResponse:
    """Keep a list of revoked certificates."""
    city = _city(request)
    form = RevocationForm(request.POST, request.FILES, prefix="crl")
    if form.is_valid():
        data = form.cleaned_data
        try:
            trust.add_revocations(
                city=city, content=data["file"].read(), source=data["source"], by=_person(request)
            )
        except Invalid as fault:
            refuse(form, fault)
        else:
            return redirect("portal:trust_list")
    return _listed(request, city, 422, revocation_form=form)


@login_required
def trust_withdraw(request: HttpRequest, anchor: int) -> HttpResponse:
    """Trust an authority no longer, saying why."""
    listed = get_object_or_404(trust.anchors_at(_city(request)), pk=anchor)
    form = WithdrawForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            trust.withdraw_anchor(anchor=listed, reason=form.cleaned_data["reason"], by=_person(request))
            return redirect("portal:trust_list")
    return render(request, "agreements/withdraw.html", {"it": listed, "form": form}, status=status)


def _listed(
    request: HttpRequest,
    city: City,
    status: int,
    form: AuthorityForm | None = None,
    revocation_form: RevocationForm | None = None,
) -> HttpResponse:
    return render(
        request,
        "agreements/trust.html",
        {
            "city": city,
            "anchors": TrustAnchor.objects.filter(city=city),
            "lists": RevocationList.objects.filter(city=city).select_related("anchor").defer("content"),
            "form": form or AuthorityForm(),
            "revocation_form": revocation_form or RevocationForm(prefix="crl"),
        },
        status=status,
    )


def _city(request: HttpRequest) -> City:
    hat = rules.keeps_trust_of(request.user)
    if hat is None:
        raise Refused(_("Only the city's cooperation bureau keeps its trust list."))
    if hat.organisation.city is None:
        raise Http404
    return hat.organisation.city
