"""Many addresses side by side, and several workers at once."""

import signal
import threading
import time
from collections import Counter

import pytest
from django.db import connections

from balai.core.worker import HubWorker
from balai.observations.webhooks import sending
from balai.observations.webhooks.models import Webhook, WebhookDelivery
from balai.observations.webhooks.sending import POST
from tests.builders import make_company
from tests.webhook_builders import Receiver, answers, listening, make_delivery, make_webhook

pytestmark = pytest.mark.django_db(transaction=True)


def until(done, seconds: float = 10) -> bool:
    """Wait for it; False where it does not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.02)
    return False


def at_once(*works) -> None:
    """Run them in threads of their own, begun together."""
    barrier = threading.Barrier(len(works))

    def run(work) -> None:
        barrier.wait()
        try:
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_many_workers_one_claims_an_address(settings) -> None:
    webhook = make_webhook(make_company())
    make_delivery(webhook)
    got = []

    at_once(*[lambda: got.append(sending.claim(webhook.pk)) for _number in range(6)])

    assert sum(one is not None for one in got) == 1


def test_two_workers_send_nothing_twice_and_each_address_one_at_a_time_in_order(settings) -> None:
    settings.DEBUG = True
    firm = make_company()
    with listening(Receiver(wait=0.01)) as one, listening(Receiver(wait=0.01)) as other:
        hooks = [make_webhook(firm, receiver.url) for receiver in (one, other)]
        sent = {hook.pk: [make_delivery(hook).message_id for _number in range(12)] for hook in hooks}
        workers = [sending.Post(), sending.Post()]

        def work(worker):
            return lambda: until(lambda: (worker.start(), _all_told())[1], 15)

        at_once(*map(work, workers))
        until(lambda: all(worker.idle() for worker in workers))

    assert [one.ids, other.ids] == [sent[hook.pk] for hook in hooks]
    assert (one.most_at_once, other.most_at_once) == (1, 1)


def test_addresses_that_are_down_delay_no_other(settings) -> None:
    """Twelve that hold the line till the end, one that is well: it hears at once, all the same."""
    settings.DEBUG = True
    firm = make_company()
    hold = threading.Event()

    def stuck(_number: int):
        hold.wait(8)
        return 204, {}, b""

    with listening(Receiver(stuck)) as down, listening() as well:
        for number in range(12):
            make_delivery(make_webhook(firm, f"{down.url}&n={number}", failures=1))
        good = make_webhook(firm, well.url)
        Webhook.objects.filter(pk=good.pk).update(served_at=good.created_at)
        worker = sending.Post(fast=2, careful=4)
        begun = time.monotonic()
        worker.start()
        for _number in range(5):
            make_delivery(good)
            until(lambda: (worker.start(), not good.deliveries.filter(state="waiting").exists())[1], 3)
        spent = time.monotonic() - begun
        held = len(down.came)
        hold.set()
        until(lambda: (worker.start(), _all_told())[1])
        until(worker.idle)

    assert (len(well.came), held) == (5, 4)
    assert spent < 5
    assert Counter(path for _headers, _body, path in down.came).most_common(1)[0][1] == 1


def test_an_address_that_fails_is_not_asked_again_while_it_rests(settings) -> None:
    settings.DEBUG = True
    with listening(Receiver(answers(503))) as receiver:
        webhook = make_webhook(make_company(), receiver.url)
        for _number in range(50):
            make_delivery(webhook)
        worker = sending.Post()
        for _round in range(5):
            worker.start()
            until(worker.idle)

    assert len(receiver.came) == 1


def test_every_worker_sends(settings) -> None:
    settings.DEBUG = True
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    worker = HubWorker()
    with listening() as receiver:
        make_delivery(make_webhook(make_company(), receiver.url))

        def stop_once_told() -> None:
            until(lambda: _all_told(), 15)
            connections.close_all()
            worker.stopping.set()

        watch = threading.Thread(target=stop_once_told)
        watch.start()
        worker.run()
        watch.join()
        until(POST.idle)
    for number, handler in kept.items():
        signal.signal(number, handler)

    assert len(receiver.came) == 1


def _all_told() -> bool:
    return not WebhookDelivery.objects.filter(state="waiting").exists()
