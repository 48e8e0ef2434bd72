from django.apps import AppConfig


class PilotsConfig(AppConfig):
    name = "balai.pilots"
    label = "pilots"

    def ready(self) -> None:
        from balai.pilots import audiences, gates, guards, records, tasks, verbs, webhooks  # noqa: F401
