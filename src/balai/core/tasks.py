"""What core does by itself from time to time."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.tasks import TaskResultStatus, task
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from balai.core import ledger, notifications
from balai.core.models import HealthRecord, Mail, Worker
from balai.core.periodic import every

KEEP_DONE = timedelta(days=7)
KEEP_FAILED = timedelta(days=90)
KEEP_MAILS = timedelta(days=30)


@every(minutes=10)
@task
def send_digests() -> dict[str, int]:
    """Send the daily and weekly digests that are due and not yet sent."""
    return {pace: notifications.send_digests(pace) for pace in ("daily", "weekly")}


@every(hours=6)
@task
def verify_ledger() -> bool:
    """Recompute the whole chain and keep the result for /healthz."""
    verification = ledger.verify()
    ok = not verification.faults
    note = f"{verification.checked} entries, {len(verification.faults)} faults"
    HealthRecord.objects.update_or_create(
        name="ledger", defaults={"at": timezone.now(), "ok": ok, "note": note}
    )
    return ok


@every(days=1)
@task
def tidy_up() -> None:
    """Drop what nobody needs any more: ended tasks, sent mails, expired sessions, workers long gone."""
    now = timezone.now()
    done = DBTaskResult.objects.filter(finished_at__lt=now - KEEP_DONE)
    done.filter(status=TaskResultStatus.SUCCESSFUL).delete()
    done.filter(status=TaskResultStatus.FAILED, finished_at__lt=now - KEEP_FAILED).delete()
    Mail.objects.filter(sent_at__lt=now - KEEP_MAILS).delete()
    Session.objects.filter(expire_date__lt=now).delete()
    Worker.objects.filter(beat_at__lt=now - timedelta(days=1)).delete()
