"""The register of agreements, one agreement as one page, and what its parties do there."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from balai.agreements import actions, rules
from balai.agreements.comparing import changes
from balai.agreements.models import (
    Agreement,
    AgreementState,
    AgreementVersion,
    LastRead,
    Party,
    SignatureMaker,
)
from balai.agreements.queries import agreement_of as newest_of
from balai.agreements.queries import current_version, document_of, label_of_blank, with_file
from balai.agreements.term import is_in_force
from balai.agreements.terms import AgreementTerms, ClauseTerms, fill
from balai.agreements.typesetting import called
from balai.collaborations.models import Collaboration
from balai.collaborations.rules import may_see_inside
from balai.core import documents
from balai.core.errors import Invalid, Refused, Stale
from balai.core.rules import require
from balai.observations.models import DataContract, Dataset
from balai.observations.queries import contracts_bound_to
from balai.people.models import Role, User
from balai.people.rules import is_person
from balai.portal.agreements.forms import (
    ConsentForm,
    DeclineForm,
    MemorandumForm,
    SignatoryForm,
    StampForm,
    TextForm,
    schedules,
)
from balai.portal.agreements.life import life, with_life
from balai.portal.agreements.signing_panel import family, panel
from balai.portal.agreements.validity import Validity as Validity
from balai.portal.agreements.validity import validity as validity
from balai.portal.forms import refuse
from balai.portal.once import once

OVER = (AgreementState.DECLINED, AgreementState.ENDED)


@login_required
def agreement_of(request: HttpRequest, reference: str) -> HttpResponse:
    """Go to a collaboration's agreement, or begin it."""
    rows = Collaboration.objects.visible_to(request.user).select_related(
        "scheme_version", "partner", "agency", "city"
    )
    collaboration = get_object_or_404(rows, reference=reference)
    found = newest_of(collaboration)
    verdict = rules.may_draft(request.user, collaboration)
    live = found is not None and found.state not in OVER
    if request.method == "POST":
        made = actions.draft_agreement(collaboration=collaboration, by=_person(request))
        messages.success(
            request, _("The agreement is drafted. Check every article, then invite the other party.")
        )
        return redirect("portal:agreement", pk=made.pk)
    if found is not None and (live or not verdict):
        return redirect("portal:agreement", pk=found.pk)
    if not may_see_inside(request.user, collaboration):
        raise Http404
    return render(
        request, "agreements/begin.html", {"it": collaboration, "verdict": verdict, "declined": found}
    )


@login_required
@once
def memorandum(request: HttpRequest) -> HttpResponse:
    """Draft an MoU between the cooperation bureau and an organisation."""
    person = _person(request)
    seat = next((h for h in person.hats if h.role == Role.BUREAU and h.organisation.city_id), None)
    if seat is None:
        raise Refused(_("Only the cooperation bureau drafts a memorandum."))
    form = MemorandumForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            city = seat.organisation.city
            assert city is not None
            try:
                made = actions.draft_memorandum(
                    city=city,
                    parties=(seat.organisation, *data["partner"]),
                    title=data["title_id"],
                    title_en=data["title_en"],
                    purpose=data["purpose_id"],
                    purpose_en=data["purpose_en"],
                    starts_on=data["starts_on"],
                    ends_on=data["ends_on"],
                    by=person,
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:agreement", pk=made.pk)
    return render(request, "agreements/memorandum.html", {"form": form, "seat": seat}, status=status)


@dataclass(frozen=True, slots=True)
class PartyLine:
    party: Party
    called: str
    approved_at: Any
    signed_at: Any
    is_mine: bool


@dataclass(frozen=True, slots=True)
class Article:
    number: int
    clause: ClauseTerms
    heading: str
    paragraphs: list[dict[str, str]]


@require_safe
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What do we promise each other, what changed since I last read, is it valid?"""
    agreement = _visible(request, pk)
    inside = Agreement.objects.inside(request.user).filter(pk=pk).exists()
    latest = current_version(agreement)
    readable = (
        latest if inside or (agreement.sealed_document_id is not None and agreement.text_public) else None
    )
    context: dict[str, Any] = {
        "it": agreement,
        "valid": validity(agreement),
        "inside": inside,
        "parties": _lines(request, agreement, latest),
        "latest": latest,
        "text": readable,
        "family": family(request.user, agreement),
        "life": life(request.user, agreement, inside=inside),
        "contracts": _contracts(agreement, scheduled=readable is not None),
        "in_force": bool(is_in_force(agreement)),
    }
    if readable is not None:
        context |= _text(readable.reading)
    if inside and latest is not None:
        context |= _negotiation(request, agreement, latest)
    return render(request, "agreements/detail.html", context)


def _contracts(agreement: Agreement, *, scheduled: bool) -> list[tuple[Dataset | None, DataContract | None]]:
    """Data contracts bound to a sealed agreement, and for readers of its text the lines without one."""
    if agreement.sealed_document_id is None:
        return []
    bound = contracts_bound_to(agreement.subject)
    served = {contract.dataset_id for contract in bound}
    bare = [line for line in agreement.datasets.all() if line.pk not in served] if scheduled else []
    return [*((contract.dataset, contract) for contract in bound), *((line, None) for line in bare)]


def _visible(request: HttpRequest, pk: UUID) -> Agreement:
    return get_object_or_404(with_life(with_file(Agreement.objects.visible_to(request.user))), pk=pk)


def _lines(request: HttpRequest, agreement: Agreement, latest: AgreementVersion | None) -> list[PartyLine]:
    side = rules.side_of(request.user, agreement)
    approvals = {a.party_id: a.at for a in latest.approvals.all()} if latest else {}
    return [
        PartyLine(
            party,
            called(party.place).inside(_language()),
            approvals.get(party.pk),
            party.signature.at if hasattr(party, "signature") else None,
            side is not None and side[0].pk == party.pk,
        )
        for party in rules.parties_of(agreement)
    ]


def _language() -> str:
    return "en" if (get_language() or "id").startswith("en") else "id"


def _text(terms: AgreementTerms) -> dict[str, Any]:
    values = {language: terms.values(language) for language in ("id", "en")}
    return {
        "terms": terms,
        "articles": [
            Article(
                number,
                clause,
                clause.heading.inside(_language()),
                [
                    {"id": fill(p.id, values["id"]), "en": fill(p.en, values["en"]) if p.en else ""}
                    for p in clause.text
                ],
            )
            for number, clause in enumerate(terms.clauses, 1)
        ],
        "obligations": [
            {
                "party": called(o.party).inside(_language()),
                "text": o.text.inside(_language()),
                "due": o.due_on,
            }
            for o in terms.obligations
        ],
        "exit": [rule.inside(_language()) for rule in terms.exit],
        "missing": [label_of_blank(name) for name in terms.missing()],
        "language": _language(),
    }


def _negotiation(request: HttpRequest, agreement: Agreement, latest: AgreementVersion) -> dict[str, Any]:
    versions = list(agreement.versions.all())
    read = LastRead.objects.filter(agreement=agreement, user=_person(request)).first()
    asked = request.GET.get("dari", "")
    since = (
        int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else read.version if read else 0
    )
    before = next((v for v in versions if v.number == since), None)
    party = rules.party_to_sign(request.user, agreement)
    return {
        "versions": versions,
        "since": before,
        "last_read": read.version if read else 0,
        "changes": changes(before.reading, latest.reading) if before and before.pk != latest.pk else [],
        "fields_changed": _fields(before.reading, latest.reading)
        if before and before.pk != latest.pk
        else [],
        "may_propose": rules.may_propose(request.user, agreement),
        "may_approve": rules.may_approve(request.user, agreement, latest),
        "may_open": _may_open(request, agreement),
        "may_sign": rules.may_sign(request.user, agreement, party),
        "may_bring": rules.may_bring(request.user, agreement),
        "has_certified": any(
            hasattr(p, "signature") and p.signature.maker == SignatureMaker.CERTIFIED
            for p in rules.parties_of(agreement)
        ),
        "may_decline": rules.may_decline(request.user, agreement),
        "may_publish": rules.may_publish(request.user, agreement),
        "signing": panel(request.user, agreement),
        "open_now": agreement.phase in rules.OPEN,
    }


def _fields(before: AgreementTerms, after: AgreementTerms) -> list[str]:
    """What changed outside the articles, by name."""
    names = {
        "title": _("title"),
        "place": _("place"),
        "dated_on": _("date"),
        "starts_on": _("beginning of the term"),
        "ends_on": _("end of the term"),
        "parties": _("parties and signatories"),
        "obligations": _("obligations"),
        "flows": _("data flows"),
        "sites": _("sites"),
        "milestones": _("milestones"),
        "exit": _("exit and hand-over"),
    }
    return [label for name, label in names.items() if getattr(before, name) != getattr(after, name)]


def _may_open(request: HttpRequest, agreement: Agreement) -> bool:
    """Shown for an MoU only: a collaboration's signing opens by its scheme's move on its own page."""
    return agreement.collaboration is None and bool(rules.may_open(request.user, agreement))


@require_POST
@login_required
def read(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Remember that the person has read up to a version."""
    agreement = _mine(request, pk)
    latest = current_version(agreement)
    if latest:
        actions.mark_read(agreement=agreement, by=_person(request), version=latest.number)
    return redirect("portal:agreement", pk=pk)


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Propose another text: articles, blanks, term, schedules."""
    agreement = _mine(request, pk)
    require(rules.may_propose(request.user, agreement))
    latest = _latest(agreement)
    terms = latest.reading
    user_scheme = terms.scheme == "user"
    data = request.POST if request.method == "POST" else None
    start = TextForm.start(terms) | {
        "spends_regional_budget": agreement.spends_regional_budget,
        "procurement_reference": agreement.procurement_reference,
    }
    form = TextForm(terms, data, initial=start, user_scheme=user_scheme)
    sets = schedules(terms, data)
    status = 200
    if data is not None:
        status = 422
        sound = [form.is_valid(), *(schedule.set.is_valid() for schedule in sets)]
        if all(sound):
            proposed = form.changes() | {s.name: s.value() for s in sets if s.changed()}
            budget: dict[str, Any] = {}
            if user_scheme:
                names = ("procurement_reference", "spends_regional_budget")
                budget = {name: form.cleaned_data[name] for name in names}
            try:
                made = actions.propose_version(
                    agreement=agreement,
                    changes=proposed,
                    note=form.cleaned_data["note"],
                    seen=form.cleaned_data["seen"],
                    by=_person(request),
                    **budget,
                )
            except Invalid as fault:
                refuse(form, fault)
            except Stale as fault:
                form.add_error(None, str(fault.reason))
                status = 409
            else:
                if made.number == latest.number:
                    messages.info(request, _("Nothing was different, so the text stays as it is."))
                else:
                    messages.success(
                        request,
                        _("Version %(number)s is on the table. Both parties approve it anew.")
                        % {"number": made.number},
                    )
                return redirect("portal:agreement", pk=pk)
    return render(
        request,
        "agreements/edit.html",
        {"it": agreement, "form": form, "sets": sets, "latest": latest, "user_scheme": user_scheme},
        status=status,
    )


@login_required
def party(request: HttpRequest, pk: UUID, place: int) -> HttpResponse:
    """Name the signatory, mandate and number of one's own party."""
    agreement = _mine(request, pk)
    own = _own(request, agreement, place)
    require(rules.may_propose(request.user, agreement))
    form = SignatoryForm(
        request.POST or None,
        initial={
            "signatory_name": own.signatory_name,
            "signatory_title": own.signatory_title,
            "mandate": own.mandate,
            "number": own.number,
        },
    )
    if rules.is_city_side(own):
        del form.fields["number"]
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.set_signatory(
                    party=own,
                    name=form.cleaned_data["signatory_name"],
                    title=form.cleaned_data["signatory_title"],
                    mandate=form.cleaned_data["mandate"],
                    number=form.cleaned_data.get("number"),
                    by=_person(request),
                )
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:agreement", pk=pk)
    context = {"it": agreement, "form": form, "party": own, "title": _("Signatory and mandate")}
    return render(request, "agreements/party.html", context, status=status)


@login_required
def stamp(request: HttpRequest, pk: UUID, place: int) -> HttpResponse:
    """Record the e-meterai of one's own counterpart."""
    agreement = _mine(request, pk)
    own = _own(request, agreement, place)
    form = StampForm(request.POST or None, initial={"serial": own.stamp_serial})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.record_stamp(party=own, serial=form.cleaned_data["serial"], by=_person(request))
            except Invalid as fault:
                refuse(form, fault)
            else:
                return redirect("portal:agreement", pk=pk)
    context = {"it": agreement, "form": form, "party": own, "title": _("E-meterai")}
    return render(request, "agreements/party.html", context, status=status)


@require_POST
@login_required
def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approve the text shown on the page."""
    agreement = _mine(request, pk)
    latest = _latest(agreement)
    actions.approve_version(version=latest, by=_person(request), seen_sha256=request.POST.get("seen", ""))
    messages.success(request, _("Your side approved version %(number)s.") % {"number": latest.number})
    return redirect("portal:agreement", pk=pk)


@require_POST
@login_required
def open_for_signing(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Fix the text and ask for signatures."""
    actions.open_signing(agreement=_mine(request, pk), by=_person(request))
    return redirect("portal:agreement", pk=pk)


@never_cache
@login_required
@reauthentication_required  # type: ignore[untyped-decorator]
def sign_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Sign the document shown here, after signing in again."""
    agreement = _mine(request, pk)
    latest = _latest(agreement)
    own = rules.party_to_sign(request.user, agreement)
    verdict = rules.may_sign(request.user, agreement, own)
    sentence = actions.consent_sentence(own, latest.document.sha256) if own else ""
    form = ConsentForm(sentence, request.POST or None, initial={"seen": latest.document.sha256})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            actions.sign(
                agreement=agreement,
                by=_person(request),
                seen_sha256=form.cleaned_data["seen"],
                consent=form.cleaned_data["consent"],
            )
            messages.success(request, _("You have signed. Once every party has, the hub seals the document."))
            return redirect("portal:agreement", pk=pk)
    return render(
        request,
        "agreements/sign.html",
        {"it": agreement, "form": form, "party": own, "verdict": verdict, "latest": latest},
        status=status,
    )


@login_required
def decline_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Walk away, saying why."""
    agreement = _mine(request, pk)
    require(rules.may_decline(request.user, agreement))
    form = DeclineForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            actions.decline(agreement=agreement, by=_person(request), reason=form.cleaned_data["reason"])
            return redirect("portal:agreement", pk=pk)
    return render(request, "agreements/decline.html", {"it": agreement, "form": form}, status=status)


@require_POST
@login_required
def publish(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make the sealed text public, or take it back."""
    public = request.POST.get("public") == "1"
    actions.publish_text(agreement=_mine(request, pk), by=_person(request), public=public)
    return redirect("portal:agreement", pk=pk)


@require_safe
@login_required
def version_file(request: HttpRequest, pk: UUID, number: int) -> FileResponse:
    """The PDF of one version, for those inside."""
    agreement = _mine(request, pk)
    document = document_of(agreement, number) if number < 2**31 else None
    if document is None:
        raise Http404
    return documents.serve(document)


@require_safe
def sealed_file(request: HttpRequest, pk: UUID) -> FileResponse:
    """The sealed PDF, for those who may read the text."""
    rows = Agreement.objects.readable_by(request.user).select_related("sealed_document")
    agreement = get_object_or_404(rows, pk=pk)
    if agreement.sealed_document is None:
        raise Http404
    return documents.serve(agreement.sealed_document)


def _person(request: HttpRequest) -> User:
    if not is_person(request.user):
        raise Http404
    return request.user


def _mine(request: HttpRequest, pk: UUID) -> Agreement:
    """The agreement for somebody inside; for anybody else there is no such page."""
    return get_object_or_404(with_file(Agreement.objects.inside(request.user)), pk=pk)


def _latest(agreement: Agreement) -> AgreementVersion:
    latest = current_version(agreement)
    if latest is None:
        raise Http404
    return latest


def _own(request: HttpRequest, agreement: Agreement, place: int) -> Party:
    side = rules.side_of(request.user, agreement)
    if side is None or side[0].place != place:
        raise Refused(_("Each party names its own signatory."))
    return side[0]
