"""Where an agreement stands in its term, on a given day."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from balai.agreements.clock import CENTRAL, EASTERN, PROVINCES, today_in
from balai.agreements.models import Agreement, AgreementState
from balai.core.rules import YES, Verdict, no

COMING = (AgreementState.DRAFTING, AgreementState.SIGNING, AgreementState.SEALING)
ENDING_WITHIN = 90


@dataclass(frozen=True, slots=True)
class Term:
    """``code``: coming, declined, documented, begins, force, ending, lapsed or ended.

    ``days`` counts to the end where one is known: 0 on the last day, negative after it.
    """

    code: str
    days: int | None = None

    @property
    def in_force(self) -> bool:
        return self.code in ("force", "ending")


def term_of(agreement: Agreement, today: dt.date | None = None) -> Term:
    """The term of an agreement on ``today``, by default the day it is in its city.

    An addendum has no term of its own: it stands and ends with what it amends.
    """
    today = today or today_in(agreement.city_id)
    if agreement.documented:
        return Term("documented")
    match agreement.state:
        case AgreementState.SEALED:
            if agreement.amends_id is not None:
                return Term("force")
            days = (agreement.ends_on - today).days if agreement.ends_on else None
            if days is not None and days < 0:
                return Term("lapsed", days)
            if agreement.starts_on and agreement.starts_on > today:
                return Term("begins", days)
            return Term("ending" if days is not None and days <= ENDING_WITHIN else "force", days)
        case AgreementState.ENDED:
            return Term("ended")
        case AgreementState.DECLINED:
            return Term("declined")
    return Term("coming")


def is_in_force(agreement: Agreement, today: dt.date | None = None) -> Verdict:
    """Whether the agreement binds on the day; why not, and since when."""
    term = term_of(agreement, today)
    if term.in_force:
        return YES
    match term.code:
        case "lapsed":
            assert agreement.ends_on is not None
            return no(
                _("The term of the agreement ended on %(day)s.")
                % {"day": date_format(agreement.ends_on, "j F Y")}
            )
        case "ended":
            day = agreement.ended_on
            return no(
                _("The agreement ended on %(day)s.") % {"day": date_format(day, "j F Y")}
                if day
                else _("The agreement has ended.")
            )
        case "begins":
            assert agreement.starts_on is not None
            return no(
                _("The term of the agreement begins on %(day)s.")
                % {"day": date_format(agreement.starts_on, "j F Y")}
            )
        case "documented":
            return no(_("The agreement is known from published sources only."))
    return no(
        _("The agreement is not signed by every party and sealed: it is %(state)s.")
        % {"state": agreement.phase_label}
    )


def over_by_now(*, days: int = 0) -> Q:
    """Rows whose end lies before the day their city has in ``days`` days; three time zones, one condition."""
    now = timezone.now()
    shift = dt.timedelta(days=days)
    condition = Q()
    elsewhere = Q()
    for zone in (CENTRAL, EASTERN):
        prefixes = "|".join(sorted(code for code, known in PROVINCES.items() if known is zone))
        here = Q(city__code__regex=rf"^({prefixes})")
        elsewhere |= here
        condition |= here & Q(ends_on__lt=now.astimezone(zone).date() + shift)
    return condition | ~elsewhere & Q(ends_on__lt=timezone.localdate(now) + shift)
