"""Own the API keys of machines: their secrets, scopes, end and last use.

Each key has one row of `AuthSession`, so its end reaches all processes as a sign-out does. Knows no tokens.
"""
