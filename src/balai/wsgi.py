import os
import signal

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "balai.settings")
application = get_wsgi_application()

if os.environ.get("BALAI_SERVED"):
    from balai.core.process import die_with_parent

    die_with_parent(signal.SIGKILL)
