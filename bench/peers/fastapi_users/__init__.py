"""FastAPI-Users: JWTs by Bearer, and a cookie with its tokens in Redis."""
