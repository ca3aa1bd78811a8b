"""Do two machines agree what time it is?"""

from doctor.findings import Finding, error, ok, warning

NOTICEABLE_SECONDS = 2.0
HARMFUL_SECONDS = 30.0
ADVICE = "Run NTP (chrony, systemd-timesyncd) on both machines."


def judge(*, theirs: float, before: float, after: float) -> Finding:
    """`theirs`, read between `before` and `after` of our own clock; all in seconds since 1970.

    Only what the journey there and back can't explain counts.
    """
    skew = max(before - theirs, theirs - after, 0.0)
    text = f"{skew:.1f} s apart from this machine's"
    if skew > HARMFUL_SECONDS:
        return error(f"{text}: tokens and time-outs are judged wrongly", ADVICE)
    if skew > NOTICEABLE_SECONDS:
        return warning(text, ADVICE)
    return ok(text)
