from django.apps import AppConfig


class AgreementsConfig(AppConfig):
    name = "balai.agreements"
    label = "agreements"
