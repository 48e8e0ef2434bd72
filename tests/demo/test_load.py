"""The demonstration as a whole, loaded through the doors people use."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db.models import Count
from django.utils import timezone

from balai.agreements.models import Agreement, AgreementState
from balai.applications.models import Review
from balai.collaborations.models import Collaboration
from balai.collaborations.queries import awaiting
from balai.core import ledger
from balai.core.models import Entry, Mail
from balai.demo import facts, people, scale
from balai.demo.load import load
from balai.demo.reference import JAKARTA
from balai.indicators.models import Value
from balai.needs.models import Need
from balai.people.models import City, Organisation, User
from balai.pilots.models import Incident, Suspension
from balai.programme.models import CohortMembership

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _demonstration_mode(settings):
    settings.DEMO = True


def counts() -> dict[str, int]:
    models = (Entry, Collaboration, Need, Value, Agreement, City, Organisation, User, CohortMembership)
    return {model.__name__: model.objects.count() for model in models}


def waiting_stages(key: str) -> set[str]:
    person = User.objects.get(email=people.address_of(key))
    return {collaboration.stage for collaboration in awaiting(person)}


def test_demonstration_is_whole():
    """One load, because it takes seconds; everything it promises is looked at here."""
    said: list[str] = []

    assert load(said.append) is True

    loaded = counts()
    assert load() is False
    assert counts() == loaded
    assert len(said) == 3
    assert list(ledger.verify().faults) == []

    # Stories: every stage it takes to show the hub, and nothing of it in the name of a real firm.
    stories = Collaboration.objects.filter(invented=True)
    assert Counter(stories.values_list("stage", flat=True)) == {
        "draft": 2,
        "screening": 2,
        "returned": 1,
        "review": 1,
        "decision": 1,
        "rejected": 1,
        "drafting": 1,
        "signing": 1,
        "preparation": 1,
        "running": 1,
        "suspended": 1,
        "evaluation": 1,
        "stopped": 1,
        "handed_over": 1,
        "adopted": 1,
        "offered": 1,
    }
    assert set(stories.values_list("partner__invented", flat=True)) == {True}
    assert set(Need.objects.values_list("invented", flat=True)) == {True}
    assert stories.get(stage="handed_over").successors.get().scheme.key == "co-develop"
    in_flight = stories.filter(ended_at=None).values_list("scheme_version__key", flat=True)
    assert set(in_flight) == {"playground", "co-develop", "user"}

    # Sealed agreements of the stories; the documented one has no document of ours.
    sealed = Agreement.objects.filter(state=AgreementState.SEALED, documented=False)
    assert sealed.count() == 8
    assert not sealed.filter(sealed_document=None).exists()
    signings = Agreement.objects.filter(documented=True).annotate(sides=Count("parties"))
    assert [(a.kind, a.sides, str(a.starts_on)) for a in signings] == [("mou", 2, "2019-09-13")] * 8
    assert signings.values("parties__organisation").distinct().count() == 9

    # History: real, dated, sourced, and never at work on this hub.
    history = Collaboration.objects.filter(documented=True)
    assert history.count() == len(facts.histories())
    told = Entry.objects.filter(verb="record.documented")
    assert [entry.pk for entry in told if not (entry.facts["on"] and entry.facts["source"])] == []
    assert not awaiting(User.objects.get(email=people.address_of("officer"))).filter(documented=True).exists()
    scooters = history.get(partner__slug="grab")
    days = [entry.facts["on"] for entry in told.filter(thread=scooters.thread)]
    assert (days[0], days[-1], days == sorted(days)) == ("2019-05-09", "2020-08-13", True)
    crash = Incident.objects.get(pilot__collaboration=scooters)
    assert (crash.severity, crash.people_hurt, timezone.localdate(crash.happened_at).isoformat()) == (
        "fatal",
        2,
        "2019-11-10",
    )
    stop = Suspension.objects.get(pilot__collaboration=scooters)
    assert timezone.localdate(stop.started_at).isoformat() == "2019-11-25"

    # The contradiction of the signing stands on the record of each of the eight, with both sources.
    both = [facts.sources()[key].url for key in ("seed", "antara-signing")]
    for agreement in signings:
        disputed = [e.facts for e in told.filter(thread=agreement.thread) if "versions" in e.facts]
        assert [[v["source_url"] for v in fact["versions"]] for fact in disputed] == [both]

    # Somebody for every role, with work where the role has work.
    waiting = {
        key: waiting_stages(key)
        for key in ("founder", "bureau", "reviewer", "signatory", "officer2", "founder2")
    }
    assert waiting == {
        "founder": {"draft", "running"},
        "bureau": {"screening", "decision", "drafting", "evaluation"},
        "reviewer": {"review"},
        "signatory": {"signing"},
        "officer2": {"suspended"},
        "founder2": {"draft", "returned", "preparation"},
    }
    assert User.objects.filter(is_demo=True).count() == len(facts.table("people")["person"])
    assert Mail.objects.count() == 0

    # Nothing happened after the load, and the cohort of 2017 is complete.
    assert not Entry.objects.filter(at__gt=timezone.now() + timedelta(seconds=1)).exists()
    members = CohortMembership.objects.values_list("cohort").annotate(count=Count("pk"))
    assert dict(members) == {2017: 25, 2018: 1, 2019: 2}
    assert not CohortMembership.objects.filter(city=JAKARTA).exists()


def test_generated_city_is_invented_and_chained():
    city = scale.generate(60)
    again = scale.generate(60)

    collaborations = Collaboration.objects.filter(city=city)
    reviewed = collaborations.exclude(stage__in=["draft", "screening"])
    assert (city.pk, city.invented, collaborations.count(), Need.objects.count()) == (again.pk, True, 60, 60)
    assert Review.objects.count() == reviewed.count() * scale.REVIEWS
    assert list(ledger.verify().faults) == []


def test_generated_city_needs_a_size():
    with pytest.raises(ValueError, match="at least one"):
        scale.generate(0)
