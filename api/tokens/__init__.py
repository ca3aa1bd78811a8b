"""Token pairs: what they say, how they are signed, handed out, exchanged and asked about.

Knows no passwords and no providers.
"""
