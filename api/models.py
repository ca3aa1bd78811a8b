"""Import the models of the rooms, for Django to find them here."""

from api.keys.models import SigningKey

__all__ = ["SigningKey"]
