"""The application that `manage.py serve` runs, without its ceiling on refreshes by address.

The whole load comes from one address. The limiter still counts every request in Redis.
"""

from dataclasses import replace

from config.wsgi import application

from api import throttling  # isort: skip - needs the models

throttling.LIMITS[:] = [replace(limit, amount=10**9) for limit in throttling.LIMITS]

__all__ = ["application"]
