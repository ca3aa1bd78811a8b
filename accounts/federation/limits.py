"""Rate limits of the addresses by which we call a provider, or a provider calls us."""

from accounts.store.counters import Limit

SOCIAL = Limit("social", 30)
"""Of sign-ins, connections and tokens: each makes us call the provider."""
REPORT = Limit("report", 600)
"""Of what a provider reports by itself."""
