"""Make, publish, rotate and retire the keys that sign tokens.

Knows no tokens and no requests.
"""
