from django.apps import AppConfig


class ObservationsConfig(AppConfig):
    name = "balai.observations"
    label = "observations"

    def ready(self) -> None:
        from balai.observations import audiences, verbs  # noqa: F401
        from balai.observations.running import join_serve

        join_serve()
