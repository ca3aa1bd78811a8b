"""Who visits the gallery's site: people with everything and people with nothing."""

PASSWORD = "correct horse battery"
FULL = "hanbyeol.namgung.with.a.long.address@department.of.something.example.com"
FULL_NAME = "남궁한별하나둘셋 Hanbyeol Bartholomew Namgung-Featherstonehaugh-Cholmondeley"
COMPANY = "Featherstonehaugh-Cholmondeley & 남궁한별하나둘셋 GmbH & Co. KG auf Aktien"
"""The company of a demo account, on the site that asks for one."""
NEW = "new@example.com"
ENDED = "ended@example.com"
LEAVING = "leaving@example.com"
"""Deletes the account, and signs in again."""
ALL = (FULL, NEW, ENDED, LEAVING)
SECOND = "second.step@example.com"
"""Has an authenticator app. Signs in by recovery codes, each of which works once."""
KEYS = "passkeys@example.com"
"""Has a passkey and a security key. Signs in by recovery codes, as `SECOND` does."""
RECOVERY_CODES = [f"{number:05}-{number:05}" for number in range(200)]
ENROLS = {"en": "enrols.en@example.com", "ko": "enrols.ko@example.com"}
"""Add an app, once in each language."""
MUST = "must.enrol@example.com"
"""Belongs to the group whose accounts must have a second factor, and has none."""
MUST_GROUP = "Must enrol"
LOST = "lost.everything@example.com"
"""Has an authenticator app, whose reset by an administrator is pending."""
STOPS = {"en": "stops.en@example.com", "ko": "stops.ko@example.com"}
"""Stop such a reset by the link in the mail, once in each language. The link has the email as its token."""
DORMANT = {"en": "dormant.en@example.com", "ko": "dormant.ko@example.com"}
"""Get the mail that a long unused account is deleted soon, once in each language."""
LOCKED = "locked@example.com"
"""Was locked by an administrator."""
RESET = "reset@example.com"
"""Only their password is reset."""
WARNED = "warned@example.com"
"""Has signed in before, so the next sign-in is mailed."""
REPORTS = {"en": "reports.en@example.com", "ko": "reports.ko@example.com"}
"""The same, and report that it wasn't them, once in each language."""
HERE = {"en": "here.en@example.com", "ko": "here.ko@example.com"}
"""The same, and open the mail in the browser that it is about, once in each language."""
INVITED = "invited@example.com"
"""Has an invitation, as `FULL` has. The link has the email as its token."""
BULK = {"under-way": "#4801", "stopped": "#4802", "finished": "#4803"}
"""The reasons of acts on many users."""
DEVICES = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; SM-S928N) SamsungBrowser/27.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
    "AcmeAccountingSynchronisationAgent/2026.11.4 (+https://acme.example.com/agents)",
    "",
]
IPS = ["203.0.113.7", "2001:db8:85a3:1234:5678:8a2e:1370:7334", None]
DEVICE_COUNT = 26
"""More than a page of the list shows."""
