from django.apps import AppConfig


class ObservationsConfig(AppConfig):
    name = "balai.observations"
    label = "observations"
