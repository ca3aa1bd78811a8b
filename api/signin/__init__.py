"""Ways for API clients to sign in, all through allauth's login pipeline.

Each ends in an `AuthSession`; the tokens for it are minted in `api.tokens`.
"""
