"""Which city a page is about."""

from django.conf import settings
from django.http import Http404, HttpRequest

from balai.people.models import City
from balai.people.rules import cities_staffed, is_person


def code_of(request: HttpRequest) -> str:
    """``?city=`` (BPS code), else the city the person works or lives in, else the hub's own; no query."""
    asked = request.GET.get("city", "")[:20]
    if asked and "\0" not in asked:
        return asked
    if is_person(request.user):
        staffed = sorted(cities_staffed(request.user))
        if staffed and settings.DEFAULT_CITY not in staffed:
            return staffed[0]
    return settings.DEFAULT_CITY


def city_of(request: HttpRequest) -> City:
    """The same as a record; 404 for a city that is not on this hub."""
    city = City.objects.filter(pk=code_of(request), hosted=True).first()
    if city is None:
        raise Http404
    return city
