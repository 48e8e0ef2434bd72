from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "balai.people"
    label = "people"

    def ready(self) -> None:
        from balai.people import audiences, threads, verbs  # noqa: F401
