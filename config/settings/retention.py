"""Set up how long rows are kept. `manage.py prune` and the worker delete them."""

from config.settings.base import env

# Whole months for which audit events are kept, besides the current one. 0: for ever.
AUDIT_RETENTION_MONTHS = env.int("AUDIT_RETENTION_MONTHS", default=24)
# Days for which sign-ins that ended are kept.
SIGN_IN_RETENTION_DAYS = env.int("SIGN_IN_RETENTION_DAYS", default=30)
# Days after which an account is erased that proved nothing and never signed in. 0: never.
UNVERIFIED_ACCOUNT_DAYS = env.int("UNVERIFIED_ACCOUNT_DAYS", default=0)
# Days since the last sign-in after which the owner of an account gets a mail, and the days from that mail
# to the erasure. 0: no account counts as dormant.
DORMANT_ACCOUNT_DAYS = env.int("DORMANT_ACCOUNT_DAYS", default=0)
DORMANT_NOTICE_DAYS = env.int("DORMANT_NOTICE_DAYS", default=30)
