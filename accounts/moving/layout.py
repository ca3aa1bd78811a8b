"""List what an export has of each table, and why it leaves the rest out. A test compares it with the models."""

VERSION = 1
"""The number in each line. Raise it when a line changes so that older code misreads it."""

EXPORTED = {
    "accounts.User": [
        "id",
        "email",
        "display_name",
        "locale",
        "extras",
        "is_active",
        "is_staff",
        "is_superuser",
        "date_joined",
        "last_login",
        "erase_at",
        "password",
        "groups",
    ],
    "account.EmailAddress": ["user", "email", "verified", "primary"],
    "socialaccount.SocialAccount": ["user", "provider", "uid", "extra_data"],
    "mfa.Authenticator": ["user", "type", "data", "created_at", "last_used_at"],
    "accounts.ExternalId": ["user", "source", "external_id"],
}

LEFT_OUT = {
    "accounts.User": {
        "locked_until": "A lock of an operator of this site; `is_active` comes.",
        "password_version": "It is for sessions, and these don't come.",
        "user_permissions": "Rights come by groups, and only if the operator says so.",
    },
    "account.EmailAddress": {"id": "A number of this database."},
    "socialaccount.SocialAccount": {
        "id": "A number of this database.",
        "date_joined": "allauth sets it when it saves.",
        "last_login": "allauth sets it when it saves.",
    },
    "mfa.Authenticator": {"id": "A number of this database."},
    "accounts.ExternalId": {
        "id": "A number of this database.",
        "created_at": "It is the time of the import.",
        "takes_tokens": "Only this site has the key of its former site.",
        "waits_for_password": "Only this site asks its former system.",
        "waits_for_proof": "The states of the addresses come.",
    },
}

TABLES_LEFT_OUT = {
    "accounts.ApiKey": "A key of this site, with its operator.",
    "accounts.AuditEvent": "`manage.py audit export` writes the audit log.",
    "accounts.AuthSession": "Sign-ins end with their site: tokens name its issuer.",
    "accounts.BulkRun": "Work of an operator of this site.",
    "accounts.BulkTarget": "Work of an operator of this site.",
    "accounts.EmailProposal": "An order of an operator of this site.",
    "accounts.FactorReset": "An order of an operator of this site.",
    "accounts.GracePeriod": "The policy is this site's.",
    "accounts.Invitation": "Its link is this site's.",
    "accounts.Job": "Work that waits for the worker of this site.",
    "accounts.OperatorNote": "Operators of this site wrote it for themselves.",
    "accounts.Report": "A case of the operators of this site.",
    "accounts.SentMail": "This site sent it.",
    "accounts.SuperuserProposal": "An order of an operator of this site.",
    "accounts.TrustedBrowser": "Its cookie is this site's.",
    "admin.LogEntry": "The history of the admin of this site.",
}
"""Tables with a user that don't come at all."""
