"""The sign-in: opened by `sessions.open`, ended by `sessions.revoke`, nowhere else.

Knows no allauth, no pages and no tokens.
"""
