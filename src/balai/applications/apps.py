from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    name = "balai.applications"
    label = "applications"

    def ready(self) -> None:
        from balai.applications import audiences, guards, records, threads, verbs  # noqa: F401
