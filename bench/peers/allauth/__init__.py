"""django-allauth headless: JWTs for apps, session cookies for browsers."""
