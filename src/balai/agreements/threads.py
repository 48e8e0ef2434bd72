"""What the thread of an agreement without a collaboration is called and where its page is."""

from collections.abc import Mapping

from balai.agreements.models import Agreement, AgreementState, Ceremony, Party
from balai.core import threads
from balai.core.threads import ThreadInfo, uuids


def known(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each agreement; one query."""
    return {
        str(a.pk): ThreadInfo(
            a.title,
            f"/perjanjian/{a.pk}/",
            title_en=a.title_en,
            public=a.documented or a.state == AgreementState.SEALED or a.ended_on is not None,
        )
        for a in Agreement.objects.filter(pk__in=uuids(ids)).only(
            "title", "title_en", "documented", "state", "ended_on"
        )
    }


threads.register("agreement", known)


def sides(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """The negotiation page of each side's agreement; one query."""
    numbers = {int(text) for text in ids if text.isascii() and text.isdigit() and len(text) < 18}
    return {
        str(party.pk): ThreadInfo(
            party.agreement.title,
            f"/perjanjian/{party.agreement_id}/rundingan/",
            title_en=party.agreement.title_en,
            public=False,
        )
        for party in Party.objects.filter(pk__in=numbers).select_related("agreement")
    }


threads.register("side", sides)


def ceremonies(ids: set[str]) -> Mapping[str, ThreadInfo]:
    """Title and address of each signing ceremony; one query."""
    return {
        str(c.pk): ThreadInfo(c.title, f"/upacara/{c.pk}/layar/", title_en=c.title_en)
        for c in Ceremony.objects.filter(pk__in=uuids(ids)).only("title", "title_en")
    }


threads.register("ceremony", ceremonies)
