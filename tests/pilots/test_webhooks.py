"""What webhooks tell of a whole collaboration: to each side what its people hear of, to others nothing."""

import json
from collections import Counter

import pytest

from balai.collaborations.actions import make_move
from balai.core.audiences import audiences_of
from balai.core.models import Entry
from balai.observations.webhooks import events, outbox
from balai.observations.webhooks.models import WebhookMessage
from balai.people.models import Membership
from tests.builders import make_company, make_founder
from tests.stories import World
from tests.webhook_builders import make_webhook

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings) -> World:
    settings.DEMO = True
    return World()


def test_both_sides_hear_of_their_pilot_and_nobody_else(world: World) -> None:
    rival = make_company()
    make_founder(rival)
    everything = list(events.registered())
    hooks = {
        name: make_webhook(organisation, events=everything)
        for name, organisation in {
            "partner": world.partner,
            "agency": world.agency,
            "bureau": world.secretariat,
            "rival": rival,
        }.items()
    }
    pilot = world.at("running")
    reason = {"authority": "Perwal 12", "reason": "Rem blong pada dua sepeda."}
    make_move(collaboration=pilot, move="suspend", by=world.officer, seen=pilot.stage, record=reason)

    outbox.spread()

    told = {
        name: Counter(hook.deliveries.values_list("message__type", flat=True)) for name, hook in hooks.items()
    }
    assert told["rival"] == {}
    assert (told["partner"]["pilot.suspended"], told["agency"]["pilot.suspended"]) == (1, 1)
    assert (told["partner"]["agreement.sealed"], told["agency"]["agreement.sealed"]) == (1, 1)
    assert told["bureau"]["pilot.suspended"] == 0
    moves = Entry.objects.filter(verb="collaboration.moved").count()
    assert told["partner"]["collaboration.moved"] == moves
    message = json.loads(WebhookMessage.objects.get(type="pilot.suspended").body)
    assert {name: message["data"][name] for name in reason} == reason
    assert message["data"]["url"].endswith(f"/{pilot.reference}/")


def test_no_organisation_is_told_what_none_of_its_people_are_told(world: World) -> None:
    everything = list(events.registered())
    for organisation in (world.partner, world.agency, world.secretariat):
        make_webhook(organisation, events=everything)
    world.at("running")

    outbox.spread()

    assert WebhookMessage.objects.count() >= 8
    for message in WebhookMessage.objects.prefetch_related("deliveries__webhook"):
        entry = Entry.objects.get(seq=message.entry)
        people = {person.pk for function in audiences_of(entry.verb) for person in function(entry)}
        seats = Membership.objects.filter(user__in=people, ended_at=None)
        allowed = set(seats.values_list("organisation", flat=True))
        assert {delivery.webhook.organisation_id for delivery in message.deliveries.all()} <= allowed
