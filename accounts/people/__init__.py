"""Own the users, and decide which account an email address belongs to.

Knows no sign-ins, no allauth and no HTTP.
"""
