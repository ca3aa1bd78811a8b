"""Codes of authenticator apps (TOTP, RFC 6238)."""
