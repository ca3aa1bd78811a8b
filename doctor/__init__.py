"""Examine a live deployment, report each fault and say how to mend it.

Reads the settings, the database, Redis, the mail server and the public site. No other room
imports this one.
"""
