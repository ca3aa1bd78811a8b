"""Run an import: read rows, judge each person, write batches, and report what can't come."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, TextIO

from accounts.moving import judging, lookups, writer
from accounts.moving.checking import KnownPasswords
from accounts.moving.errors import RefusedError
from accounts.moving.formats.files import Row
from accounts.moving.formats.joins import Seen, database
from accounts.moving.options import Options
from accounts.moving.person import Person
from accounts.moving.registry import Source

BATCH = 1000
Outcome = Literal["refused", "without"]
Report = Callable[[dict[str, Any]], None]
"""Gets one entry for each row that can't come, and for each part that a row comes without."""


@dataclass
class Counts:
    came: int = 0
    """Accounts that were made, or would be in a dry run."""
    known: int = 0
    """Rows whose account came in an earlier run."""
    refused: Counter[str] = field(default_factory=Counter)
    """Rows that can't come, by reason."""
    without: Counter[str] = field(default_factory=Counter)
    """Parts that their rows come without, by reason."""

    @property
    def rows(self) -> int:
        return self.came + self.known + self.refused.total()


@dataclass
class Import:
    """One run. `is_dry` judges everything and writes nothing."""

    source: Source
    options: Options
    is_dry: bool = False
    report: Report = lambda _entry: None
    progress: Callable[[int], None] = lambda _rows: None
    passwords: KnownPasswords | None = None
    counts: Counts = field(default_factory=Counts)

    def run(self, file: TextIO) -> Counts:
        """Read the file to its end. Raises `FileError`; the batches before it have come then."""
        rows = self.source.rows(file, self.options)
        with database() as temporary:
            seen = Seen(temporary)
            for batch in _batches(rows):
                self._take(batch, seen)
                self.progress(self.counts.rows)
        return self.counts

    def _take(self, batch: list[Row], seen: Seen) -> None:
        people = [(row, person) for row in batch if (person := self._person(row, seen))]
        present = lookups.present((person for _row, person in people), source=self.source.name)
        accepted: list[tuple[Row, Person]] = []
        for row, person in people:
            if judging.is_known(person, present):
                self.counts.known += 1
                seen.add("email", person.email)
                continue
            try:
                judging.accept(person, present, seen)
            except RefusedError as exc:
                self._refuse(row, exc, person)
            else:
                accepted.append((row, person))
        failed = (
            []
            if self.is_dry
            else writer.write([each for _, each in accepted], source=self.source.name)
        )
        for row, person in accepted:
            if any(person is each for each in failed):
                conflict = RefusedError("conflict", "Another account has taken a value meanwhile.")
                self._refuse(row, conflict, person)
                continue
            self.counts.came += 1
            for reason, detail in person.left:
                self.counts.without[reason] += 1
                self._report(row, "without", RefusedError(reason, detail), person)

    def _person(self, row: Row, seen: Seen) -> Person | None:
        """Return the person of this row, or None if the row is refused."""
        if isinstance(row.content, RefusedError):
            self._refuse(row, row.content)
            return None
        person = None
        try:
            person = self.source.person(row.content, self.options)
            judging.prepare(person, self.options)
            judging.note_id(person, seen)
        except RefusedError as exc:
            self._refuse(row, exc, person)
            return None
        if self.passwords:
            self.passwords.check(person)
        return person

    def _refuse(self, row: Row, error: RefusedError, person: Person | None = None) -> None:
        self.counts.refused[error.reason] += 1
        self._report(row, "refused", error, person)

    def _report(
        self, row: Row, outcome: Outcome, error: RefusedError, person: Person | None
    ) -> None:
        key = person.external_id if person else ""
        entry = {"row": row.number, "id": key, "outcome": outcome}
        self.report(entry | {"reason": error.reason, "detail": error.detail})


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield lists of rows. If reading fails, yields the rows before the failure first."""
    iterator = iter(rows)
    failure: Exception | None = None
    while failure is None:
        batch: list[Row] = []
        try:
            for row in islice(iterator, BATCH):
                batch.append(row)  # noqa: PERF402 - a list would lose them if reading fails
        except Exception as exc:  # noqa: BLE001 - raised below
            failure = exc
        if batch:
            yield batch
        elif failure is None:
            return
    raise failure
