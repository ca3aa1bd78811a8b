"""Own the sign-in: `sessions.open` opens it, `sessions.revoke` ends it, nothing else does.

Knows no allauth, no pages and no tokens.
"""
