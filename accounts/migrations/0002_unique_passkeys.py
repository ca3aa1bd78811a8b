"""Keep each credential of a passkey once, and find it by an index. The table is allauth's."""

from django.db import migrations, models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast


def _constraint():
    return models.UniqueConstraint(
        Cast(KT("data__credential_id"), models.TextField()),
        condition=models.Q(type="webauthn"),
        name="unique_passkey_credential",
    )


def add(apps, schema_editor):
    schema_editor.add_constraint(apps.get_model("mfa", "Authenticator"), _constraint())


def remove(apps, schema_editor):
    schema_editor.remove_constraint(apps.get_model("mfa", "Authenticator"), _constraint())


class Migration(migrations.Migration):
    # Not in the first migration: allauth's tables refer to its users.
    dependencies = [("accounts", "0001_initial"), ("mfa", "0003_authenticator_type_uniq")]

    operations = [migrations.RunPython(add, remove)]
