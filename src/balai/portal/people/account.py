"""My account: who I am here, how I sign in, which machines act for me, and how I leave."""

from typing import cast

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from balai.core.errors import Invalid, Refused
from balai.people.actions import update_profile
from balai.people.erasure import erase_person
from balai.people.keys import create_key, revoke_key
from balai.people.models import ApiKey, User
from balai.people.organisations import MANAGERS
from balai.people.queries import invitations_for, keys_of, only_manager_of
from balai.portal.forms import refuse
from balai.portal.people.forms import EraseForm, KeyForm, ProfileForm


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Who am I here?"""
    user = cast(User, request.user)
    start = {"name": user.name, "language": user.language, "city": user.city_id}
    form = ProfileForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            update_profile(by=user, **form.cleaned_data)
        except Invalid as fault:
            refuse(form, fault)
        else:
            messages.success(request, _("Your account was saved."))
            return redirect("portal:people_account")
    context = {
        "form": form,
        "seats": user.hats,
        "managers": MANAGERS,
        "addresses": list(EmailAddress.objects.filter(user=user).order_by("-primary", "email")),
        "keys": list(keys_of(user)),
        "invitations": list(invitations_for(user)),
    }
    return render(request, "people/account.html", context, status=422 if form.errors else 200)


@login_required
@reauthentication_required  # type: ignore[untyped-decorator]
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_key(request: HttpRequest) -> HttpResponse:
    """Make an API key; the answer to the POST is the only page that ever shows it."""
    user = cast(User, request.user)
    form = KeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            key, secret = create_key(
                by=user,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at(),
            )
        except Invalid as fault:
            refuse(form, fault)
        else:
            return render(request, "people/key_made.html", {"key": key, "secret": secret})
    return render(request, "people/key_new.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_POST
def drop_key(request: HttpRequest, pk: str) -> HttpResponse:
    user = cast(User, request.user)
    key = get_object_or_404(ApiKey, pk=pk, user=user)
    revoke_key(by=user, key=key)
    messages.success(request, _("The key “%(name)s” opens nothing any more.") % {"name": key.name})
    return redirect("portal:people_account")


@login_required
@reauthentication_required  # type: ignore[untyped-decorator]
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest) -> HttpResponse:
    """What goes, what stays, and the button."""
    user = cast(User, request.user)
    form = EraseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if user.is_demo:
            raise Refused(
                _("This demonstration account is shared by visitors. Sign up with an account of your own.")
            )
        erase_person(user=user, by=user)
        logout(request)
        return render(request, "people/erased.html")
    context = {"form": form, "alone": list(only_manager_of(user))}
    return render(request, "people/erase.html", context, status=422 if form.errors else 200)
