from django.apps import AppConfig


class AgreementsConfig(AppConfig):
    name = "balai.agreements"
    label = "agreements"

    def ready(self) -> None:
        from balai.agreements import (  # noqa: F401
            audiences,
            data_bonds,
            guards,
            legal_told,
            signing_tasks,
            tasks,
            threads,
            verbs,
            webhooks,
        )
