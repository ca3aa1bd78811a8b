"""The operators' panel: find an account, see what happened, end sign-ins.

Never sets a password and never signs in as anybody.
"""
