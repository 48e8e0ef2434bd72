"""Telling people what happened: from the ledger to the hub's own list, to mails and to digests.

Actions never send anything. The worker calls `deliver`, which reads the ledger from where it stopped.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError, transaction
from django.urls import NoReverseMatch, reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from balai.core import threads, verbs
from balai.core.audiences import audiences_of
from balai.core.errors import Text
from balai.core.mail import compose
from balai.core.models import Cursor, Entry, Follow, HealthRecord, Mail, Notification, Preference

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser as Person
else:
    Person = object

LOG = logging.getLogger(__name__)

CURSOR = "notifications"
AWAY = (OperationalError, InterfaceError)
"""The database is away: nothing is at fault but the moment, so it is tried again."""

KINDS: dict[str, Text] = {
    "turn": gettext_lazy("It is your turn"),
    "reminder": gettext_lazy("Reminders and deadlines"),
    "decision": gettext_lazy("Decisions"),
    "agreement": gettext_lazy("Agreements"),
    "pilot": gettext_lazy("Pilots and incidents"),
    "challenge": gettext_lazy("Challenges"),
    "need": gettext_lazy("Needs"),
    "account": gettext_lazy("Your account and organisations"),
}
"""Every kind of news, in the order of the preferences page."""

PACES: dict[str, tuple[str, ...]] = {
    "hub": ("now", "never"),
    "mail": ("now", "daily", "weekly", "never"),
}
"""What a person can choose on each channel."""

DEFAULT_MAIL_PACE = {
    "turn": "now",
    "reminder": "now",
    "decision": "now",
    "agreement": "now",
    "pilot": "now",
    "challenge": "daily",
    "need": "daily",
    "account": "now",
}

DIGEST_HOUR = 7
DIGEST_WEEKDAY = 0
LONGEST_DIGEST = 50


def default_pace(kind: str, channel: str) -> str:
    """How people hear of this kind on this channel until they choose otherwise."""
    return "now" if channel == "hub" else DEFAULT_MAIL_PACE.get(kind, "daily")


def paces_of(user: Person) -> dict[tuple[str, str], str]:
    """The person's pace for every (kind, channel), chosen or default. One query."""
    chosen = {(p.kind, p.channel): p.pace for p in Preference.objects.filter(user_id=user.pk)}
    return {
        (kind, channel): chosen.get((kind, channel), default_pace(kind, channel))
        for kind in KINDS
        for channel in PACES
    }


def start_from_now() -> None:
    """Leave everything in the ledger so far untold, as after loading a history."""
    last = Entry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    Cursor.objects.update_or_create(name=CURSOR, defaults={"seq": last})


@dataclass(slots=True)
class _News:
    """One entry on its way to one person."""

    entry: Entry
    user: Person
    kind: str
    in_hub: bool
    mail_pace: str


def deliver(limit: int = 500) -> int:
    """Tell of the next entries of the ledger; return how many entries were read.

    All effects and the cursor's move are one transaction, guarded by a conditional update: of two that
    deliver at once one writes, and what a killed process had begun is begun anew. An entry that cannot be
    told of is passed over, logged and shown by /healthz, so that it never stops the news of others.
    """
    cursor, _made = Cursor.objects.get_or_create(name=CURSOR)
    entries = list(Entry.objects.filter(seq__gt=cursor.seq).order_by("seq")[:limit])
    if not entries:
        return 0
    try:
        return _deliver(cursor.seq, entries)
    except AWAY:
        raise
    except Exception:
        LOG.exception("entries %d to %d are told one by one", entries[0].seq, entries[-1].seq)
    return _one_by_one(cursor.seq, entries)


def _one_by_one(seen: int, entries: Sequence[Entry]) -> int:
    for entry in entries:
        try:
            moved = _deliver(seen, [entry])
        except AWAY:
            raise
        except Exception:
            LOG.exception("nobody was told of entry %d", entry.seq)
            moved = Cursor.objects.filter(pk=CURSOR, seq=seen).update(seq=entry.seq)
            if moved:
                _note_untold(entry)
        if not moved:
            return 0
        seen = entry.seq
    return len(entries)


def _note_untold(entry: Entry) -> None:
    HealthRecord.objects.update_or_create(
        name=CURSOR,
        defaults={"at": timezone.now(), "ok": False, "note": f"entry {entry.seq} ({entry.verb})"},
    )


def _deliver(seen: int, entries: Sequence[Entry]) -> int:
    """Tell of these entries and move the cursor from ``seen`` to the last; 0 where another was faster."""
    news = _with_paces(_recipients(entries))
    mails = _letters([item for item in news if item.mail_pace == "now"])
    with transaction.atomic():
        if not Cursor.objects.filter(pk=CURSOR, seq=seen).update(seq=entries[-1].seq):
            return 0
        Mail.objects.bulk_create(mails.values())
        Notification.objects.bulk_create(
            (
                Notification(
                    user_id=item.user.pk,
                    entry=item.entry.seq,
                    kind=item.kind,
                    thread=item.entry.thread,
                    verb=item.entry.verb,
                    at=item.entry.at,
                    in_hub=item.in_hub,
                    mail=mails.get((item.user.pk, item.entry.seq)),
                    digest=item.mail_pace if item.mail_pace in {"daily", "weekly"} else "",
                )
                for item in news
            ),
            ignore_conflicts=True,
        )
    return len(entries)


def _recipients(entries: Sequence[Entry]) -> list[tuple[Entry, Person]]:
    followers: dict[str, list[Person]] = defaultdict(list)
    public = {entry.thread for entry in entries if entry.public}
    for follow in Follow.objects.filter(thread__in=public).select_related("user"):
        followers[follow.thread].append(follow.user)
    told = []
    for entry in entries:
        people: dict[object, Person] = {}
        for person in followers[entry.thread] if entry.public else ():
            people[person.pk] = person
        for function in audiences_of(entry.verb):
            try:
                people.update({person.pk: person for person in function(entry)})
            except AWAY:
                raise
            except Exception:
                LOG.exception("nobody was told of entry %d by %s", entry.seq, function.__qualname__)
                _note_untold(entry)
        told += [
            (entry, person)
            for person in people.values()
            if person.is_active and getattr(person, "pseudonym", None) != entry.actor
        ]
    return told


def _with_paces(told: Sequence[tuple[Entry, Person]]) -> list[_News]:
    chosen = {
        (p.user_id, p.kind, p.channel): p.pace
        for p in Preference.objects.filter(user__in={person.pk for _entry, person in told})
    }
    news = []
    for entry, person in told:
        kind = verbs.registered()[entry.verb].kind if entry.verb in verbs.registered() else "need"
        hub, mail = (
            chosen.get((person.pk, kind, channel), default_pace(kind, channel)) for channel in ("hub", "mail")
        )
        if not getattr(person, "email", None):
            mail = "never"
        if hub != "never" or mail != "never":
            news.append(_News(entry, person, kind, hub != "never", mail))
    return news


@dataclass(frozen=True, slots=True)
class Sentence:
    """What an entry says, in the language active when it was made: "``actor`` ``deed``: ``title``"."""

    actor: str
    deed: str
    title: str
    url: str
    at: datetime

    def __str__(self) -> str:
        said = f"{self.actor} {self.deed}"
        return f"{said}: {self.title}" if self.title else said


def actors_of(entries: Iterable[Entry]) -> set[str]:
    """The threads of the organisations that acted."""
    return {f"organisation:{entry.organisation}" for entry in entries if entry.organisation}


def sentences(entries: Iterable[Entry]) -> dict[int, Sentence]:
    """Each entry as a sentence in the active language, by sequence number; a fixed number of queries.

    Names the organisation acted for, never the person.
    """
    entries = list(entries)
    known = threads.resolve({entry.thread for entry in entries} | actors_of(entries))
    return {entry.seq: _sentence(entry, known) for entry in entries}


def _sentence(entry: Entry, known: dict[str, threads.ThreadInfo]) -> Sentence:
    organisation = known.get(f"organisation:{entry.organisation}")
    if organisation:
        actor = organisation.title
    elif entry.actor is None:
        actor = _("The hub")
    elif entry.role == "citizen":
        actor = _("A citizen")
    else:
        actor = _("Somebody")
    language = translation.get_language() or settings.LANGUAGE_CODE
    about = known.get(entry.thread)
    title = ((about.title_en if language == "en" else "") or about.title) if about else ""
    verb = verbs.registered().get(entry.verb)
    return Sentence(
        actor=actor,
        deed=str(verb.label) if verb else entry.verb,
        title=title,
        url=localised(about.url, language) if about else "",
        at=entry.at,
    )


def localised(path: str, language: str) -> str:
    """The path of a page in a language: Bahasa Indonesia has no prefix, English lives under /en/."""
    return path if language == settings.LANGUAGE_CODE else f"/{language}{path}"


def preferences_url() -> str:
    """Where the reader of a mail says what they want to hear, in the active language."""
    try:
        return settings.ORIGIN + reverse("portal:notification_preferences")
    except NoReverseMatch:
        return f"{settings.ORIGIN}/"


def _letters(news: Sequence[_News]) -> dict[tuple[object, int], Mail]:
    """One mail per person and entry, in the person's language."""
    entries = [item.entry for item in news]
    known = threads.resolve({entry.thread for entry in entries} | actors_of(entries))
    letters = {}
    for item in news:
        with translation.override(getattr(item.user, "language", settings.LANGUAGE_CODE)):
            said = _sentence(item.entry, known)
            letters[item.user.pk, item.entry.seq] = compose(
                to=getattr(item.user, "email", ""),
                user=item.user,
                subject=str(said),
                body="\n".join([*_lines(said), *_foot()]),
            )
    return letters


def _lines(said: Sentence) -> list[str]:
    moment = timezone.localtime(said.at)
    lines = [f"{said}.", f"{date_format(moment, 'j F Y')}, {moment:%H.%M} WIB"]
    if said.url:
        lines.append(settings.ORIGIN + said.url)
    return [*lines, ""]


def _foot() -> list[str]:
    return ["-- ", _("Balai. Choose what you hear of and how often: %(url)s") % {"url": preferences_url()}]


def last_digest_time(pace: str, now: datetime) -> datetime:
    """When the latest digest of this pace was due: 7 in the morning, each day or each Monday."""
    local = timezone.localtime(now)
    due = local.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    if due > local:
        due -= timedelta(days=1)
    if pace == "weekly":
        due -= timedelta(days=(due.weekday() - DIGEST_WEEKDAY) % 7)
    return due


def send_digests(pace: str) -> int:
    """Put one mail with all that waited into the outbox of each person; return how many mails.

    What a person has read in the hub by then is left out. Safe to run at any time and twice.
    """
    until = last_digest_time(pace, timezone.now())
    waiting = Notification.objects.filter(digest=pace, at__lt=until)
    people = get_user_model().objects.filter(pk__in=waiting.values("user_id"))
    sent = 0
    for person in people:
        try:
            sent += _send_digest(person, pace, until)
        except AWAY:
            raise
        except Exception:
            LOG.exception("the %s digest of one person could not be made", pace)
    return sent


def _send_digest(person: Person, pace: str, until: datetime) -> bool:
    waiting = Notification.objects.filter(user_id=person.pk, digest=pace, at__lt=until)
    with transaction.atomic():
        rows = list(waiting.order_by("at", "pk"))
        unread = [row for row in rows if row.read_at is None]
        email = getattr(person, "email", None)
        mail = None
        if unread and email and person.is_active:
            with translation.override(getattr(person, "language", settings.LANGUAGE_CODE)):
                mail = _digest(person, unread)
            mail.save()
        taken = waiting.filter(pk__in=[row.pk for row in rows]).update(digest="", mail=mail)
        if taken != len(rows):
            transaction.set_rollback(True)
            return False
    return mail is not None


def _digest(person: Person, rows: Sequence[Notification]) -> Mail:
    entries = Entry.objects.in_bulk([row.entry for row in rows[:LONGEST_DIGEST]])
    said = sentences(entries.values())
    lines = [line for row in rows[:LONGEST_DIGEST] if row.entry in said for line in _lines(said[row.entry])]
    if len(rows) > LONGEST_DIGEST:
        rest = len(rows) - LONGEST_DIGEST
        lines += [ngettext("And %(count)d more.", "And %(count)d more.", rest) % {"count": rest}, ""]
    subject = ngettext("%(count)d piece of news from Balai", "%(count)d pieces of news from Balai", len(rows))
    return compose(
        to=getattr(person, "email", ""),
        user=person,
        subject=subject % {"count": len(rows)},
        body="\n".join([*lines, *_foot()]),
    )


def follow(*, by: Person, thread: str) -> None:
    """The person hears of every later public hop of the thread. Nothing new if they already do."""
    Follow.objects.get_or_create(user_id=by.pk, thread=thread)


def unfollow(*, by: Person, thread: str) -> None:
    Follow.objects.filter(user_id=by.pk, thread=thread).delete()


def mark_read(*, by: Person, upto: int | None = None, thread: str | None = None) -> int:
    """Mark the person's unread news as read: all, up to a notification's key, or of one thread."""
    unread = Notification.objects.filter(user_id=by.pk, read_at=None)
    if upto is not None:
        unread = unread.filter(pk__lte=upto)
    if thread is not None:
        unread = unread.filter(thread=thread)
    return unread.update(read_at=timezone.now())


def choose_pace(*, by: Person, kind: str, channel: str, pace: str) -> None:
    """Raises ValueError for a kind, channel or pace that does not exist."""
    if kind not in KINDS or pace not in PACES.get(channel, ()):
        raise ValueError(f"no such preference: {kind} {channel} {pace}")
    Preference.objects.update_or_create(user_id=by.pk, kind=kind, channel=channel, defaults={"pace": pace})
