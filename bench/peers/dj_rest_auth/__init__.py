"""dj-rest-auth with JWTs, and with sessions."""
