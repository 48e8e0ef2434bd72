from django.apps import AppConfig


class ChallengesConfig(AppConfig):
    name = "balai.challenges"
    label = "challenges"
