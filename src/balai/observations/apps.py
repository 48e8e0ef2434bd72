from django.apps import AppConfig


class ObservationsConfig(AppConfig):
    name = "balai.observations"
    label = "observations"

    def ready(self) -> None:
        from balai.observations import audiences, verbs  # noqa: F401
        from balai.observations.running import join_serve
        from balai.observations.webhooks import joining  # noqa: F401

        join_serve()
