"""Do what operators do to accounts of others: lock, unlock, propose an address, make a superuser.

Each act has an actor and a reason, one transaction under the lock of the user's row, and an audit
event. Knows no pages: `accounts.support` shows them.
"""
