"""Own the audit log: its events, its vocabulary, `trail`, which writes it, and the chain that seals it.

Knows no sign-ins, no allauth, no HTTP and no keys.
"""
