"""Loads the demonstration city, once, in one transaction: all of it or nothing."""

import datetime as dt
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from balai.collaborations.actions import publish_shipped_schemes
from balai.core import ledger, notifications
from balai.core.models import Cursor, Entry, Mail, Notification
from balai.demo import facts, people, reference, stories

MARK = "demo:jakarta"
RECENT = dt.timedelta(days=21)

type Say = Callable[[str], None]


def _silent(_line: str) -> None:
    return None


def is_loaded() -> bool:
    """Whether this hub holds the demonstration already."""
    return Entry.objects.filter(subject=MARK, verb="demo.loaded").exists()


def load(say: Say = _silent) -> bool:
    """Load Jakarta, what is known of its partners, and the invented stories. False if it was done before."""
    if is_loaded():
        return False
    with transaction.atomic():
        publish_shipped_schemes()
        say("Kota, perangkat daerah, mitra  ·  cities, agencies, partners")
        reference.load_cities()
        reference.load_organisations()
        reference.load_indicators()
        reference.load_programme()
        reference.load_index_example()
        say("Riwayat yang terdokumentasi  ·  documented history")
        reference.load_histories()
        reference.load_signing()
        reference.load_city_facts()
        say("Orang dan kisah contoh  ·  people and invented stories")
        people.load_people()
        stories.tell_all()
        reference.measure_city()
        ledger.append(
            verb="demo.loaded", subject=MARK, by=None, data={"facts": facts.fingerprint()}, city="31"
        )
        _tell_of_the_last_weeks()
    return True


def _tell_of_the_last_weeks() -> None:
    """Let people find in the hub what happened lately, and send no mail about what is invented."""
    since = timezone.now() - RECENT
    old = Entry.objects.filter(at__lt=since).order_by("-seq").values_list("seq", flat=True).first() or 0
    Cursor.objects.update_or_create(name=notifications.CURSOR, defaults={"seq": old})
    while notifications.deliver():
        pass
    Notification.objects.exclude(digest="").update(digest="")
    Mail.objects.filter(sent_at=None).delete()
