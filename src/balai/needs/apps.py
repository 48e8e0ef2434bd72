from django.apps import AppConfig


class NeedsConfig(AppConfig):
    name = "balai.needs"
    label = "needs"
