"""Connect a provider to an existing account, after one proof of that account."""
