"""Where the evaluation of a city is found."""

from collections.abc import Mapping

from balai.core import threads
from balai.core.threads import ThreadInfo, uuids
from balai.programme.models import Evaluation


def url_of(evaluation: Evaluation) -> str:
    """Path of the evaluation's page, without language prefix."""
    return f"/gerakan/evaluasi/{evaluation.pk}/"


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each evaluation; one query."""
    rows = Evaluation.objects.filter(pk__in=uuids(ids)).select_related("city")
    return {
        str(row.pk): ThreadInfo(
            f"Evaluasi {row.city.name} {row.year}",
            url_of(row),
            f"Evaluation of {row.city.name} {row.year}",
            public=row.closed_at is not None,
        )
        for row in rows
    }


threads.register("assessment", known)
