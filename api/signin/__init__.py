"""Sign API clients in, always through allauth's login pipeline.

Each way ends in an `AuthSession`; `api.tokens` makes the tokens for it.
"""
