"""List the demo accounts of DEMO=1.

Their passwords are public, so a system check refuses to start a public site that has these accounts.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoAccount:
    email: str
    password: str
    role: str
    display_name: str
    is_staff: bool = False
    is_superuser: bool = False


ALL = (
    DemoAccount("visitor@example.com", "demo-visitor-pass", "visitor", "김하나"),
    DemoAccount("staff@example.com", "demo-staff-pass", "staff", "Sam Staff", is_staff=True),
    DemoAccount(
        "admin@example.com",
        "demo-admin-pass",
        "admin",
        "Ada Admin",
        is_staff=True,
        is_superuser=True,
    ),
)
