from django.apps import AppConfig


class ChallengesConfig(AppConfig):
    name = "balai.challenges"
    label = "challenges"

    def ready(self) -> None:
        from balai.challenges import audiences, tasks, threads, verbs  # noqa: F401
