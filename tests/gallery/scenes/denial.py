"""The page of the link in notices by which an owner reports: it wasn't me."""

from tests.gallery.people import HERE, REPORTS, WARNED
from tests.gallery.scene import scene
from tests.gallery.stage import Stage

ROUTE = "accounts:denial"


def _open(stage: Stage, person: str, *, is_here: bool) -> None:
    """Sign in, and open the link in the mail about it: in this browser, or in another one."""
    stage.enter_afresh(person)
    link = stage.denial_link(person)
    if not is_here:
        stage.context.clear_cookies()
    stage.go(link)


@scene("not-me", ROUTE)
def not_me(stage: Stage) -> None:
    _open(stage, WARNED, is_here=False)


@scene("not-me-here", ROUTE)
def not_me_here(stage: Stage) -> None:
    _open(stage, HERE[stage.language], is_here=True)


@scene("not-me-keep", ROUTE)
def not_me_keep(stage: Stage) -> None:
    """The mail is about an earlier sign-in of this person."""
    _open(stage, WARNED, is_here=False)
    link = stage.denial_link(WARNED)
    stage.enter_afresh(WARNED)
    stage.go(link)


@scene("not-me-done", ROUTE)
def not_me_done(stage: Stage) -> None:
    _open(stage, REPORTS[stage.language], is_here=False)
    stage.press()


@scene("not-me-void", ROUTE)
def not_me_void(stage: Stage) -> None:
    stage.go("/accounts/not-me/of-another-time/")
