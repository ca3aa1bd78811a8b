"""End connections to PostgreSQL, as a restart does."""

import psycopg
from django.db import connection


def connection_of(wrapper):
    found = wrapper.settings_dict
    return {
        "host": found["HOST"],
        "port": found["PORT"],
        "user": found["USER"],
        "password": found["PASSWORD"],
        "dbname": found["NAME"],
    }


def end_all_connections():
    """End each connection to the database but this one, and wait until it has ended."""
    with psycopg.connect(**connection_of(connection), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
