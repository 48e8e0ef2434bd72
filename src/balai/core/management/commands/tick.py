from typing import Any

from django.core.management.base import BaseCommand

from balai.core.worker import run_once


class Command(BaseCommand):
    help = "One round of the worker's work, then end: what is due, every waiting task, all news and mails."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(f"{run_once()} tasks run")
