"""Set up the mail server and the sender's address."""

from datetime import timedelta
from email.utils import formataddr

from config import addresses
from config.settings.base import DEMO, SITE_NAME, VAR_DIR, env

EMAIL_FILE_PATH = VAR_DIR / "mail"
_email = addresses.mail(
    env.str("EMAIL_URL", default="") or ("filemail://" if DEMO else "consolemail://")
)
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email.get("EMAIL_HOST", "")
EMAIL_PORT = _email.get("EMAIL_PORT")
EMAIL_HOST_USER = _email.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _email.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
# Mails that a stranger can cause: codes, reset links, "you already have an account".
MAILS_PER_ADDRESS_AND_DAY = env.int("MAILS_PER_ADDRESS_AND_DAY", default=20)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="") or formataddr(
    (SITE_NAME, "no-reply@localhost")
)
MAILS_PER_ADDRESS_AND_NETWORK = env.int("MAILS_PER_ADDRESS_AND_NETWORK", default=10)
# The people who run the site. They get a mail when the site stops an endpoint of webhooks by itself.
OPERATOR_EMAILS = env.list("OPERATOR_EMAILS", default=[])
# On: owners get a mail about odd sign-ins: a new device, many failures before, a second step not done.
SIGN_IN_NOTICES = env.bool("SIGN_IN_NOTICES", default=True)
# The days for which the link "it wasn't me" in notices works.
DENIAL_LINK_LIFETIME = timedelta(days=env.int("DENIAL_LINK_DAYS", default=7))
