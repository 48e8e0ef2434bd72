from django.apps import AppConfig


class NeedsConfig(AppConfig):
    name = "balai.needs"
    label = "needs"

    def ready(self) -> None:
        from balai.needs import audiences, tasks, threads, verbs  # noqa: F401
