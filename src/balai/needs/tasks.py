"""What comes round for needs."""

from django.tasks import task
from django.utils import timezone

from balai.core.periodic import every
from balai.needs.actions import note_overdue
from balai.needs.models import Need, NeedState


@every(hours=1)
@task
def watch_answer_clocks() -> None:
    """Put every answer clock that ran out on the record; running it again adds nothing."""
    late = Need.objects.filter(
        state=NeedState.VOICED, overdue_noted=False, answer_due__lt=timezone.localdate()
    ).select_related("agency")
    for need in late:
        note_overdue(need=need)
