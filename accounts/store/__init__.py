"""Keep browser sessions, counters and marks in Redis, and survive its fail-over.

Knows no models, no allauth and no HTTP.
"""
