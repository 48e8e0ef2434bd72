from typing import Any

from django.core.management.base import BaseCommand

from balai.core.worker import HubWorker


class Command(BaseCommand):
    help = "Run tasks, deliver news and send mails until SIGINT or SIGTERM. `balai serve` starts one itself."
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        HubWorker().run()
