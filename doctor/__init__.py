"""Look at a live deployment and say what is wrong with it, and how to mend it.

Reads settings, the database, Redis, mail and the site from outside. Nobody imports it.
"""
