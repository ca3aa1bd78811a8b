"""Work to do off the request: jobs written in the transaction that causes them.

Knows no kind of work by name: handlers register.
"""
