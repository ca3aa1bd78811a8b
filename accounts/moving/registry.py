"""List the sources that `import_users --from` knows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from accounts.moving.formats.files import Row
from accounts.moving.options import Options
from accounts.moving.person import Person
from accounts.moving.sources import (
    auth0,
    clerk,
    cognito,
    django,
    firebase,
    keycloak,
    munjigi,
    plain_csv,
    supabase,
)


@dataclass(frozen=True)
class Source:
    """One origin of people. `name` is kept with the ids that its people had there."""

    name: str
    rows: Callable[[TextIO, Options], Iterator[Row]]
    person: Callable[[dict[str, Any], Options], Person]


SOURCES = {
    source.name: source
    for source in (
        Source("django", django.rows, django.person),
        Source("allauth", django.rows, django.person),
        Source("dj-rest-auth", django.rows, django.person),
        Source("firebase", firebase.rows, firebase.person),
        Source("auth0", auth0.rows, auth0.person),
        Source("keycloak", keycloak.rows, keycloak.person),
        Source("supabase", supabase.rows, supabase.person),
        Source("cognito", cognito.rows, cognito.person),
        Source("clerk", clerk.rows, clerk.person),
        Source("csv", plain_csv.rows, plain_csv.person),
        Source("munjigi", munjigi.rows, munjigi.person),
    )
}
