from django.apps import AppConfig


class ProgrammeConfig(AppConfig):
    name = "balai.programme"
    label = "programme"

    def ready(self) -> None:
        from balai.programme import audiences, records, tasks, threads, verbs  # noqa: F401
