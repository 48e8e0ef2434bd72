from django.apps import AppConfig


class CollaborationsConfig(AppConfig):
    name = "balai.collaborations"
    label = "collaborations"
