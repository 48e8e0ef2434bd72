"""What comes round: figures computed from the partners' data that were released meanwhile."""

from django.tasks import task

from balai.core.periodic import every
from balai.indicators.flow.keeping import cities_fed, keep_figures


@every(hours=6)
@task()
def compute_from_flow() -> None:
    """Compute what the days released since make of the indicators of each city with a contract."""
    for city in cities_fed():
        keep_figures(city)
