"""Formats of English pages and mails."""
