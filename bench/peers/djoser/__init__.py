"""Djoser with JWTs."""
