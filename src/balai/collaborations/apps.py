from django.apps import AppConfig


class CollaborationsConfig(AppConfig):
    name = "balai.collaborations"
    label = "collaborations"

    def ready(self) -> None:
        from balai.collaborations import audiences, guards, tasks, threads, verbs, webhooks  # noqa: F401
