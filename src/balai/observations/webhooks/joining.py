"""What the hub must know of webhooks from its start: import once."""

from balai.observations.webhooks import audiences, of_data, tasks, verbs  # noqa: F401
