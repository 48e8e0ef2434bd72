from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "balai.demo"
    label = "demo"

    def ready(self) -> None:
        from balai.demo import verbs  # noqa: F401
