"""End connections: for their owner, after a provider's report, or with the account."""
