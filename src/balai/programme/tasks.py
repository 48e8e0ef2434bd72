"""The hub's own measures, kept up to date."""

from django.conf import settings
from django.tasks import task
from django.utils import timezone

from balai.core.periodic import every
from balai.people.models import City
from balai.programme.measures import keep_measures


@every(days=1)
@task
def measure_cities() -> None:
    """Compute the measures of this year and the last for each city hosted here."""
    this_year = timezone.localdate().year
    for city in City.objects.filter(hosted=True) | City.objects.filter(pk=settings.DEFAULT_CITY):
        for year in (this_year - 1, this_year):
            keep_measures(city, year)
