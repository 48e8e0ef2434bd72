from django.apps import AppConfig


class PilotsConfig(AppConfig):
    name = "balai.pilots"
    label = "pilots"
