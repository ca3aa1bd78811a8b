"""Own the sign-in: only `sessions.open` opens one, and only functions of `sessions` end one.

Knows no allauth, no pages and no tokens.
"""
