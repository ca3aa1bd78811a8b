"""Rate limits of the addresses by which we call a provider, or a provider calls us."""

from accounts.store import counters

SOCIAL = counters.limit("social")
"""Of sign-ins, connections and tokens: each makes us call the provider."""
REPORT = counters.limit("report")
"""Of what a provider reports by itself."""
