"""Keep browser sessions, counters and marks in Redis, and survive its fail-over.

Knows no models, no allauth, no HTTP: it stores what it is given under names that it hashes.
"""
