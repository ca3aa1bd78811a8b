"""Users and the email addresses that are theirs.

Knows no sign-ins, no allauth and no HTTP.
"""
