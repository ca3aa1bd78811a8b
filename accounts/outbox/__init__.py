"""Keep work for the worker: jobs written in the transaction that causes them.

Knows no kind of work by name: handlers register.
"""
