from django.apps import AppConfig


class AgreementsConfig(AppConfig):
    name = "balai.agreements"
    label = "agreements"

    def ready(self) -> None:
        from balai.agreements import audiences, guards, signing_tasks, tasks, threads, verbs  # noqa: F401
