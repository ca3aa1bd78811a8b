"""Owns the look-up of leaked passwords: in a file, and by a service that learns five characters of a hash.

It never stores or sends a password, and it knows no user.
"""
