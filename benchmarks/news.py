"""Telling people: what the worker spends on the entries of the generated city."""

from balai.core import notifications
from balai.core.models import Cursor, Entry, Follow, Mail, Notification
from balai.people.models import User
from benchmarks.measure import heading, line, once

ENTRIES, FOLLOWERS = 2000, 20


def run() -> None:
    """Deliver the first 2,000 entries; twenty people follow every thread among them."""
    heading("News", " entries", "told", "mails", " CPU s", "entries/s", "told/s")
    threads = set(Entry.objects.filter(seq__lte=ENTRIES).values_list("thread", flat=True))
    people = list(User.objects.filter(is_active=True).order_by("pk")[:FOLLOWERS])
    Follow.objects.bulk_create(
        (Follow(user=user, thread=thread) for thread in sorted(threads) for user in people),
        ignore_conflicts=True,
        batch_size=1000,
    )
    Cursor.objects.update_or_create(name=notifications.CURSOR, defaults={"seq": 0})

    def deliver() -> int:
        count = 0
        while count < ENTRIES:
            count += notifications.deliver()
        return count

    entries, seconds = once(deliver)
    told, mails = Notification.objects.count(), Mail.objects.count()
    line(
        "deliver",
        f"{entries:8}",
        f"{told}",
        f"{mails}",
        f"{seconds:6.2f}",
        f"{entries / seconds:9.0f}",
        f"{told / seconds:6.0f}",
    )
