"""The keys that sign tokens: drawn, published, rotated, retired.

Knows no tokens and no requests.
"""
