"""What tests with many rows need."""

from django.db import connection


def gather_statistics():
    """Do what the database does by itself in time; PostgreSQL plans badly without it."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
