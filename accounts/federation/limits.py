"""Rate limits of views that call a provider, and of views that a provider calls."""

from accounts.store import counters

SOCIAL = counters.limit("social")
"""The limit of sign-ins, connections and tokens: each makes us call the provider."""
REPORT = counters.limit("report")
"""The limit of reports from a provider."""
