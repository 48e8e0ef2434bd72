from django.apps import AppConfig


class ObservationsConfig(AppConfig):
    name = "balai.observations"
    label = "observations"

    def ready(self) -> None:
        from balai.observations import verbs  # noqa: F401
