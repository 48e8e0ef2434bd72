from django.apps import AppConfig


class ProgrammeConfig(AppConfig):
    name = "balai.programme"
    label = "programme"

    def ready(self) -> None:
        from balai.programme import records, verbs  # noqa: F401
