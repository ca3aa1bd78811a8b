"""Find codes and links in mails."""

import re


def code_in(mail):
    """Return the code: twice four digits."""
    return re.search(r"\b\d{4}-\d{4}\b", mail.body)[0]


def link_in(mail):
    return re.search(r"https?://\S+", mail.body)[0]
