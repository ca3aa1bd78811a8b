"""How a connection ends: by its owner, by the provider, with the account."""
