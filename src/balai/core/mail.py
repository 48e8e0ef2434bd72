"""The outbox: a mail is a row first, and goes out later, at least once, whatever breaks in between."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage, mailers
from django.db.models import F, Q
from django.utils import timezone

from balai.core.models import Mail

LOG = logging.getLogger(__name__)

LONGEST_CLAIM = timedelta(minutes=5)
"""A claim older than this belonged to a process that died; the mail is taken up again."""

MOST_ATTEMPTS = 8
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


def one_line(text: object, longest: int = 200) -> str:
    """Text fit for a header: white space and control characters become single spaces."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return clean if len(clean) <= longest else clean[: longest - 1].rstrip() + "…"


def compose(*, to: str, subject: object, body: str, user: object = None) -> Mail:
    """An unsaved mail that is due now; bulk-create it in the transaction of what it tells of."""
    user_id = getattr(user, "pk", None)
    return Mail(to=to, subject=one_line(subject), body=body, user_id=user_id, due_at=timezone.now())


def send_due(limit: int = 100) -> int:
    """Send what is due; return how many went out. Safe to run in several processes at once."""
    now = timezone.now()
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - LONGEST_CLAIM)
    due = Mail.objects.filter(free, sent_at=None, due_at__lte=now, attempts__lt=MOST_ATTEMPTS)
    waiting = list(due.order_by("due_at", "pk")[:limit])
    if not waiting:
        return 0
    sent = 0
    connection = mailers.default
    try:
        for mail in waiting:
            if not _claim(mail):
                continue
            try:
                connection.open()
                connection.send_messages([_message(mail)])
            except Exception as fault:
                connection.close()
                _postpone(mail, fault)
            else:
                Mail.objects.filter(pk=mail.pk).update(sent_at=timezone.now(), claimed_at=None, fault="")
                sent += 1
    finally:
        connection.close()
    return sent


def _claim(mail: Mail) -> bool:
    """Of two senders that saw the same row one gets it. Counts the attempt before it is made, so a mail
    that kills its sender is given up in the end as well."""
    now = timezone.now()
    same = Mail.objects.filter(pk=mail.pk, sent_at=None, claimed_at=mail.claimed_at, attempts=mail.attempts)
    return same.update(claimed_at=now, attempts=F("attempts") + 1) == 1


def _postpone(mail: Mail, fault: Exception) -> None:
    attempts = mail.attempts + 1
    wait = min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)
    Mail.objects.filter(pk=mail.pk).update(
        claimed_at=None,
        due_at=timezone.now() + wait,
        fault=one_line(f"{type(fault).__name__}: {fault}"),
    )
    LOG.warning("mail %s was not sent, attempt %d of %d: %s", mail.pk, attempts, MOST_ATTEMPTS, fault)


def _message(mail: Mail) -> EmailMessage:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {
        "Message-ID": f"<balai.{mail.pk}.{int(mail.created_at.timestamp())}@{domain}>",
        "Auto-Submitted": "auto-generated",
    }
    return EmailMessage(mail.subject, mail.body, settings.DEFAULT_FROM_EMAIL, [mail.to], headers=headers)


def given_up() -> Iterable[Mail]:
    """Mails nobody tries to send any more; each keeps its last fault."""
    return Mail.objects.filter(sent_at=None, attempts__gte=MOST_ATTEMPTS, claimed_at=None).order_by("-due_at")
