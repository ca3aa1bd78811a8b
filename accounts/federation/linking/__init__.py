"""Connect a provider to an account that exists, after one proof of that account."""
