"""Contracts put in force and retired by the city: what would change is shown before it does."""

import difflib
import hashlib
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods

from balai.core.errors import Invalid
from balai.core.rules import require
from balai.observations import rules
from balai.observations.actions import Plan, plan_contract, publish_contract, retire_contract
from balai.observations.bonds import Bond, bonds_of
from balai.observations.contracts import ContractError, read_contract
from balai.observations.contracts.reading import LONGEST_DOCUMENT
from balai.observations.models import ContractState, DataContract
from balai.people.models import City, Organisation, User
from balai.portal.data.parts import find, person, room
from balai.portal.forms import refuse


class ContractForm(forms.Form):
    """A document typed or as a file; a file takes the place of what was typed."""

    file = forms.FileField(
        label=lazy("The contract as a file"),
        required=False,
        help_text=lazy("YAML in the Open Data Contract Standard 3.1, at most 256 KiB."),
        widget=forms.ClearableFileInput({"accept": ".yaml,.yml,application/yaml,text/plain"}),
    )
    document = forms.CharField(
        label=lazy("or as text"),
        required=False,
        strip=False,
        max_length=LONGEST_DOCUMENT,
        widget=forms.Textarea({"rows": 18, "spellcheck": "false", "class": "code"}),
    )
    bond = forms.ChoiceField(
        label=lazy("Line of an agreement’s data schedule"),
        required=False,
        help_text=lazy(
            "A bound contract must not contradict the line, and is closed when the agreement ends."
        ),
    )

    def __init__(self, *args: Any, bonds: list[Bond], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bond = self.fields["bond"]
        assert isinstance(bond, forms.ChoiceField)
        bond.choices = [("", _("none, or as the version before"))]
        bond.choices += [
            (one.code, f"{one.dataset.partner.name}: {one.title} · {one.dataset.name}") for one in bonds
        ]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        file = data.get("file")
        if file is not None and file.size <= LONGEST_DOCUMENT:
            try:
                data["document"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", _("The file is not text in UTF-8."))
        elif file is not None:
            self.add_error("file", _("The file is larger than 256 KiB."))
        # Browsers send typed text with line ends of their own; the document is one, however it came.
        data["document"] = data.get("document", "").replace("\r\n", "\n")
        if not self.errors and not data["document"].strip():
            self.add_error("document", _("Choose a file or paste the contract."))
        return data


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be put in force; ``code`` is what the person saw."""

    plan: Plan
    partner: Organisation
    code: str
    diff: str
    line: str


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Put a contract in force: checked and compared first, then confirmed."""
    by = person(request)
    city = get_object_or_404(City, pk=_city_of(by))
    require(rules.may_keep_contracts(by, city))
    bonds = _bonds(city)
    form = ContractForm(request.POST or None, request.FILES or None, bonds=bonds)
    preview, status = None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            bond = next((one for one in bonds if one.code == data["bond"]), None)
            try:
                preview = _preview(by, city, data["document"], bond)
                if request.POST.get("seen") == preview.code and not request.FILES:
                    made = _publish(by, city, preview, data["document"], bond)
                    messages.success(request, _("%(contract)s is in force.") % {"contract": made})
                    return redirect("portal:data_contract", made.contract, made.major)
                status = 200
            except Invalid as fault:
                refuse(form, fault)
        if form.cleaned_data.get("document"):
            # What came as a file is shown as text: nothing is sent twice, nothing is lost.
            form.data = {"document": form.cleaned_data["document"], "bond": request.POST.get("bond", "")}
    context = {"form": form, "preview": preview}
    return render(request, "data/new.html", context, status=status)


def _city_of(user: User) -> str:
    """The city the person keeps contracts for, else the one this hub hosts."""
    seats = (h.organisation.city_id for h in user.hats if h.role in rules.KEEPERS)
    return next((city for city in seats if city), settings.DEFAULT_CITY)


def _bonds(city: City) -> list[Bond]:
    return sorted(bonds_of(city), key=lambda one: (one.dataset.partner.name, one.title, one.dataset.name))


def _partner(document: str) -> Organisation:
    """Whose contract the document says it is. Raises Invalid."""
    try:
        slug = read_contract(document).partner
    except ContractError as fault:
        faults = [f"{place}: {what}" if place else what for place, what in fault.faults]
        raise Invalid(_("The document is not a data contract."), {"document": [*faults]}) from None
    found = Organisation.objects.filter(slug=slug, active=True).first()
    if found is None:
        missing = _("customProperties.partner: no organisation of this hub is called %(slug)s.")
        raise Invalid(_("Nobody is the partner."), {"document": [missing % {"slug": slug}]})
    return found


def _chosen(bond: Bond | None) -> dict[str, Any]:
    return {"dataset": bond.dataset, "subject": bond.subject} if bond else {}


def _preview(by: User, city: City, document: str, bond: Bond | None) -> Preview:
    partner = _partner(document)
    plan = plan_contract(by=by, city=city, partner=partner, document=document, **_chosen(bond))
    before = plan.before.document if plan.before else ""
    diff = difflib.unified_diff(before.splitlines(), document.splitlines(), n=2, lineterm="")
    seen = f"{document}\n{plan.before.pk if plan.before else ''}\n{bond.code if bond else ''}"
    return Preview(
        plan,
        partner,
        hashlib.sha256(seen.encode()).hexdigest(),
        "\n".join(list(diff)[2:]) if before else "",
        plan.dataset.name if plan.dataset else "",
    )


def _publish(by: User, city: City, preview: Preview, document: str, bond: Bond | None) -> DataContract:
    return publish_contract(by=by, city=city, partner=preview.partner, document=document, **_chosen(bond))


class RetireForm(forms.Form):
    reason = forms.CharField(
        label=lazy("Why?"),
        min_length=3,
        max_length=300,
        widget=forms.Textarea({"rows": 3}),
        help_text=lazy("Anyone can read it. Name no person."),
    )
    earlier = forms.ChoiceField(label=lazy("What ends?"), widget=forms.RadioSelect, required=False)

    def __init__(self, *args: Any, versions: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        earlier = self.fields["earlier"]
        if len(versions) < 2:
            del self.fields["earlier"]
            return
        assert isinstance(earlier, forms.ChoiceField)
        earlier.initial = "all"
        earlier.choices = [
            (
                "all",
                _("All versions (%(versions)s): the keys are refused.") % {"versions": ", ".join(versions)},
            ),
            (
                "one",
                _("%(last)s only: %(before)s applies again.") % {"last": versions[0], "before": versions[1]},
            ),
        ]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def retire(request: HttpRequest, contract: str, major: int) -> HttpResponse:
    """Take a contract out of force, with a reason that anyone can read."""
    row = find(contract, major)
    require(rules.may_keep_contracts(request.user, row.city_id))
    active = list(
        DataContract.objects.filter(contract=contract, major=major, state=ContractState.ACTIVE)
        .select_related("partner", "city")
        .order_by("-minor", "-patch")
    )
    form = RetireForm(request.POST or None, versions=[one.version for one in active])
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            retire_contract(
                by=person(request),
                contract=active[0] if active else row,
                reason=data["reason"],
                earlier=data.get("earlier", "all") == "all",
            )
        except Invalid as fault:
            refuse(form, fault)
        else:
            messages.success(request, _("The contract was retired."))
            return redirect("portal:data_contract", contract, major)
    context = room(row, "data_contract", form=form, active=active)
    return render(request, "data/retire.html", context, status=422 if form.errors else 200)
