"""What happened to accounts: the log of events and the only function that writes it.

Knows nobody who writes to it: no sign-ins, no allauth, no HTTP.
"""
