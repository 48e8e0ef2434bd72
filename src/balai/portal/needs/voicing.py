"""Voicing a need: one form, one step that shows look-alikes, one need however often it is sent."""

from pathlib import PurePosixPath
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from balai.core import documents
from balai.core.errors import Invalid, Refused
from balai.core.inspection import PHOTO
from balai.core.models import Document
from balai.needs import rules
from balai.needs.actions import voice_need
from balai.needs.queries import similar_needs
from balai.people.models import City, User
from balai.people.rules import is_person
from balai.portal.forms import refuse
from balai.portal.limits import limited, too_many
from balai.portal.needs.cities import city_of
from balai.portal.needs.forms import VoiceForm

DRAFT = "need_draft"
PER_MINUTE = 10
LONGEST_KEPT = 3000
"""Characters of one field that a stranger's session keeps: more than any field takes, less than a flood."""


@require_http_methods(["GET", "HEAD", "POST"])
def voice(request: HttpRequest) -> HttpResponse:
    """The form, and everything that can follow it. Whatever was typed is kept on every way back."""
    city = city_of(request)
    user = request.user
    if request.method != "POST":
        kept = request.session.pop(DRAFT, None) if is_person(user) else request.session.get(DRAFT)
        return _form(request, city, VoiceForm(city=city, initial=kept))
    data = request.POST.copy()
    if not is_person(user):
        if limited(request, "need.keep", PER_MINUTE):
            return too_many(request)
        kept = VoiceForm(data, city=city).keep
        request.session[DRAFT] = {name: text[:LONGEST_KEPT] for name, text in kept.items()}
        messages.info(request, _("What you typed is kept. Sign in or register, then send it."))
        return redirect_to_login(request.get_full_path())
    step = data.get("step", "check")
    if step == "edit":
        return _form(request, city, VoiceForm(city=city, initial=VoiceForm(data, city=city).keep))
    fault = None
    file = request.FILES.get("photo")
    if isinstance(file, UploadedFile):
        try:
            if limited(request, "need.photo", PER_MINUTE):
                raise Invalid(_("Too many photos within a minute. Wait a minute and send it again."))
            # The file's own name stays behind: it is public with the photo, and often names its owner.
            name = f"foto{PurePosixPath(file.name or '').suffix}"
            stored = documents.store(file=file, name=name, by=user, city=city.pk, allow=PHOTO)
            data["photo_kept"] = str(stored.pk)
        except Invalid as refusal:
            fault = refusal
    form = VoiceForm(data, city=city)
    valid = form.is_valid()
    if fault is not None:
        form.add_error("photo", str(fault.reason))
        valid = False
    if not valid:
        return _form(request, city, form, status=422)
    if limited(request, "need.voice", PER_MINUTE):
        form.add_error(
            None, _("That was too often within a minute. Nothing is lost; wait a minute and send again.")
        )
        return _form(request, city, form, status=429)
    values = form.cleaned_data
    if step != "send":
        verdict = rules.may_voice(user, city)
        if not verdict:
            form.add_error(None, str(verdict.reason))
            return _form(request, city, form, status=403)
        alike = similar_needs(
            city=city.pk,
            title=values["title"],
            text=values["text"],
            latitude=values["latitude"],
            longitude=values["longitude"],
        )
        if alike:
            return render(
                request,
                "needs/alike.html",
                {
                    "city": city,
                    "alike": alike,
                    "kept": form.keep,
                },
            )
    try:
        need = voice_need(
            by=user,
            city=city,
            title=values["title"],
            text=values["text"],
            dimension=values["dimension"],
            place=values["place"],
            area=values["area"],
            latitude=values["latitude"],
            longitude=values["longitude"],
            photo=_photo(user, values["photo_kept"]),
            show_name=values["show_name"],
            key=values["key"],
        )
    except Invalid as refusal:
        refuse(form, refusal)
        return _form(request, city, form, status=422)
    except Refused as refusal:
        form.add_error(None, str(refusal.reason))
        return _form(request, city, form, status=403)
    messages.success(request, _("Your need is public now. You will be told of every hop, also of a no."))
    return redirect("portal:need_detail", need.reference)


def _photo(user: User, pk: UUID | None) -> Document | None:
    """The photo kept from an earlier step, if it is this person's."""
    return Document.objects.filter(pk=pk, added_by=user.pseudonym).first() if pk else None


def _form(request: HttpRequest, city: City, form: VoiceForm, status: int = 200) -> HttpResponse:
    kept = form["photo_kept"].value()
    cities = list(City.objects.filter(hosted=True)[:20])
    terms = rules.terms_of(city)
    context = {"form": form, "city": city, "cities": cities, "photo_kept": bool(kept), "terms": terms}
    return render(request, "needs/voice.html", context, status=status)
