"""Own the invitations: who was invited, the link in the mail, and its only use.

Knows no allauth and no HTTP request. `accounts/pages/admission.py` asks it at a sign-up.
"""
