"""Mails: their words, and their way into the outbox.

Takes plain values: knows no sign-ins and no connections.
"""
