"""Formats of Korean pages and mails."""
