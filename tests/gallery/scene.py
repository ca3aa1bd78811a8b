"""A scene is one page in one state: how to get there, and which address it is."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.gallery.stage import Stage

OURS, STOCK = "ours", "stock"


@dataclass(frozen=True)
class Scene:
    name: str
    route: str
    """The name of the page's address in the URL conf. '' for a page that another server shows."""
    play: Callable[[Stage], None]
    status: int = 200
    maker: str = OURS
    """STOCK is another project's page, whose buttons are as small as it likes."""


SCENES: list[Scene] = []


def scene(
    name: str, route: str, *, status: int = 200, maker: str = OURS
) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Register a function that leads the browser to the page."""

    def decorate(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        SCENES.append(Scene(name, route, play, status, maker))
        return play

    return decorate


def at(
    name: str,
    route: str,
    path: str,
    *,
    person: str = "",
    role: str = "",
    status: int = 200,
    maker: str = OURS,
) -> None:
    """Register a page that its address alone leads to."""

    @scene(name, route, status=status, maker=maker)
    def play(stage: Stage) -> None:
        if person:
            stage.enter(person)
        if role:
            stage.enter_as(role)
        stage.go(path)
