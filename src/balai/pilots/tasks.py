"""What comes round: series of pilots read from the partners' data that were released meanwhile."""

from django.tasks import task

from balai.core.periodic import every
from balai.pilots.flow import keep_readings, running_measures


@every(hours=12)
@task()
def read_flow() -> None:
    """Compute the whole weeks of each series that runs."""
    for measure in running_measures():
        keep_readings(measure)
