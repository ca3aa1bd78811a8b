"""Where Django looks for models: each stands in its room."""

from api.keys.models import SigningKey

__all__ = ["SigningKey"]
