"""The ingest node as a server runs it: ``balai.observations.server:application``."""

import os
import signal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "balai.settings")
django.setup()

from balai.observations.asgi import Application  # noqa: E402

application = Application()

if os.environ.get("BALAI_SERVED"):
    from balai.core.process import die_with_parent

    die_with_parent(signal.SIGKILL)
