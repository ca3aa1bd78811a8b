"""Make, sign, deliver, exchange and introspect token pairs.

Knows no passwords and no providers.
"""
