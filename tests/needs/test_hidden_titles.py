"""Who followed a need that was hidden hears its number, not its words."""

import pytest

from balai.core.models import Entry
from balai.core.notifications import sentences
from balai.needs.actions import hide_need
from tests.builders import make_bureau
from tests.needs_builders import make_need


@pytest.mark.django_db
def test_a_hidden_needs_title_is_in_no_later_notice() -> None:
    need = make_need(title="Nama tetangga saya")
    entry = Entry.objects.get(verb="need.voiced")

    before = sentences([entry])[entry.seq].title
    hide_need(need=need, by=make_bureau(), reason="Menyebut nama orang")
    after = sentences([entry])[entry.seq].title

    assert (before, after) == ("Nama tetangga saya", need.reference)
