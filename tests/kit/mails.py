"""Codes and links out of mails."""

import re


def code_in(mail):
    """The code that allauth draws: four and four consonants."""
    return re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", mail.body)[0]


def link_in(mail):
    return re.search(r"https?://\S+", mail.body)[0]
