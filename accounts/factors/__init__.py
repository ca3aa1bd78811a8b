"""Second factors of accounts: which there are, how a code is checked, and how secrets are stored.

allauth's `mfa` is the engine: its models, its stage of the login pipeline and its headless calls.
"""
