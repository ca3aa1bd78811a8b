"""Compare what the clients of a soak were told with what the database has, and write the report."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Memory:
    name: str
    begin: int
    end: int

    @property
    def growth(self) -> float:
        """In percent."""
        return 100 * (self.end / self.begin - 1)


@dataclass
class Reckoning:
    """The counts at the end of a soak."""

    told: int
    """Sign-ins that were acknowledged to a client."""
    unsure: int
    """Attempts to sign in without such an answer: each may have made a row or not."""
    rows: int
    events: int
    """Rows of sign-ins, and events `login.succeeded`."""
    ended: int
    back: int
    """Ends that were acknowledged, and how many of these sign-ins still work."""
    lost: int
    """Sign-ins of the sample that don't work although nobody ended them."""
    rotations: int
    rotations_lost: int
    jobs: int
    """Jobs that are left in the outbox."""
    chain: str
    """What `manage.py audit verify` says if the audit log is broken, else ''."""
    failed: int
    wiped: int
    wrong: int
    """Requests that failed, cookies that were emptied, refusals of a good token or cookie."""
    memory: list[Memory] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    """What else the report shows, in its order."""

    @property
    def faults(self) -> list[str]:
        """Return a sentence for each count that is wrong."""
        zeros = {
            "ended sign-ins work again": self.back,
            "sign-ins are lost": self.lost,
            "rotations are lost": self.rotations_lost,
            "jobs are left in the outbox": self.jobs,
            "requests failed": self.failed,
            "session cookies were emptied": self.wiped,
            "good tokens or cookies were refused": self.wrong,
        }
        found = [f"{count} {name}" for name, count in zeros.items() if count]
        needed = {"sign-in": self.told, "ended sign-in": self.ended, "rotation": self.rotations}
        found += [f"there was no {name}" for name, count in needed.items() if not count]
        if self.rows != self.events:
            found.append(f"{self.rows} rows of sign-ins, but {self.events} events")
        if not self.told <= self.rows <= self.told + self.unsure:
            found.append(
                f"{self.rows} rows of sign-ins, but {self.told} told and {self.unsure} unsure"
            )
        if self.chain:
            found.append(f"the audit log is broken: {self.chain}")
        return found

    def report(self) -> str:
        """Return the report in Markdown."""
        counts = {
            "sign-ins told to clients": self.told,
            "sign-ins without an answer": self.unsure,
            "rows of sign-ins": self.rows,
            "events `login.succeeded`": self.events,
            "ended sign-ins": self.ended,
            "… that work again": self.back,
            "lost sign-ins": self.lost,
            "rotations": self.rotations,
            "… lost": self.rotations_lost,
            "jobs left in the outbox": self.jobs,
            "failed requests": self.failed,
            "emptied session cookies": self.wiped,
            "refused good tokens and cookies": self.wrong,
            "`audit verify`": self.chain or "the chain is whole",
        }
        lines = ["| | |", "| --- | ---: |"]
        for name, value in (self.facts | counts).items():
            lines.append(f"| {name} | {f'{value:,}' if isinstance(value, int) else value} |")
        lines += ["", "| Worker | Memory at the begin | at the end | growth |"]
        lines += ["| --- | ---: | ---: | ---: |"]
        lines += [
            f"| {one.name} | {one.begin / 1e6:.1f} MB | {one.end / 1e6:.1f} MB | {one.growth:+.1f} % |"
            for one in self.memory
        ]
        faults = [f"- {fault}" for fault in self.faults] or ["Every count agrees."]
        return "\n".join([*lines, "", *faults, ""])
