"""Own the audit log: its events, its vocabulary, and `trail`, the only module that writes it.

Knows no sign-ins, no allauth and no HTTP.
"""
