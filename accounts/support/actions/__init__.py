"""Own what operators can do to an account: a class for each act, with its words, form and right.

The acts call `operators`, which changes the account; they never change it themselves.
"""
