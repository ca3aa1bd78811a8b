"""Compare this machine's clock with another machine's."""

from doctor.findings import Finding, error, ok, warning

NOTICEABLE_SECONDS = 2.0
HARMFUL_SECONDS = 30.0
ADVICE = "Run NTP (chrony, systemd-timesyncd) on both machines."


def judge(*, theirs: float, before: float, after: float) -> Finding:
    """Return a finding about another clock: `theirs`, read between `before` and `after` of ours.

    All three are seconds since 1970. The time that the message travelled doesn't count as a
    difference.
    """
    skew = max(before - theirs, theirs - after, 0.0)
    text = f"{skew:.1f} s apart from this machine's clock"
    if skew > HARMFUL_SECONDS:
        return error(f"{text}: tokens and time-outs end too early or too late", ADVICE)
    if skew > NOTICEABLE_SECONDS:
        return warning(text, ADVICE)
    return ok(text)
