"""Test the declared indexes: none costs every write without serving a read."""

from django.apps import apps
from django.db.models import UniqueConstraint


def beginnings(model):
    """Return the first column of each index and unique constraint that has all rows."""
    declared = [*model._meta.indexes, *model._meta.constraints]
    return {
        each.fields[0].lstrip("-")
        for each in declared
        if getattr(each, "fields", None)
        and each.condition is None
        and (not isinstance(each, UniqueConstraint) or each.nulls_distinct is None)
    }


def test_no_foreign_key_has_an_index_beside_one_that_begins_with_it():
    twice = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_app_config("accounts").get_models()
        for field in model._meta.local_fields
        if field.is_relation and field.db_index and not field.unique
        if field.name in beginnings(model)
    ]

    assert twice == []
