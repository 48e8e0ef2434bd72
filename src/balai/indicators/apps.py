from django.apps import AppConfig


class IndicatorsConfig(AppConfig):
    name = "balai.indicators"
    label = "indicators"

    def ready(self) -> None:
        from balai.indicators import tasks, verbs  # noqa: F401
