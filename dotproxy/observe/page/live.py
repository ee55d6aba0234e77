"""Elements that show a value of the status, and say where the script finds it anew."""

from typing import Any

from twisted.web.template import Flattenable, Tag, tags

from dotproxy.observe.page.figures import Shown
from dotproxy.observe.page.numerals import SPELLINGS


class Live:
    """Write values of one status, by path: "clients.under_way", "upstreams.0.name"."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def at(self, path: str) -> Any:
        """Return what is at a path; None if there is nothing."""
        value: Any = self._shown
        for step in path.split("."):
            if isinstance(value, list | tuple):
                value = value[int(step)] if int(step) < len(value) else None
            else:
                value = value.get(step) if value else None
        return value

    def value(self, path: str, spelling: str, element: str = "span") -> Tag:
        """Write an element with the value, in one of SPELLINGS."""
        where = {"data-live": path, "data-as": spelling}
        return Tag(element)(SPELLINGS[spelling](self.at(path)), **where)

    def following(self, element: Tag, attribute: str, path: str) -> Tag:
        """Give an element an attribute that is as the value is."""
        value = self.at(path)
        element.attributes[attribute] = "0" if value is None else str(value)
        element.attributes["data-set"] = f"{attribute}:{path}"
        return element

    def facts(self, *facts: tuple[str, str, str]) -> Tag:
        """Write a list of names, each with the value at a path in a spelling."""
        return tags.dl(
            tags.div(tags.dt(name), self.value(path, spelling, "dd"))
            for name, path, spelling in facts
        )


def section(title: str, *content: Flattenable, kind: str) -> Tag:
    """Write a part of the page, with a heading that names it."""
    heading = tags.h2(title, id=f"{kind}-title")
    named = {"aria-labelledby": f"{kind}-title"}
    return tags.section(heading, *content, class_=kind, **named)


def spark(name: str, label: str) -> Tag:
    """Write a place where the script draws what it saw of a value."""
    lines = (Tag("path")(class_=each) for each in ("area", "line"))
    named = {"aria-label": label, "data-spark": name}
    return drawing(120, 32, "spark")(*lines, role="img", **named)


def drawing(width: int, height: int, kind: str) -> Tag:
    """Write the frame of a drawing, which takes the room that it is given."""
    frame = {"viewBox": f"0 0 {width} {height}", "preserveAspectRatio": "none"}
    return Tag("svg")(class_=kind, **frame)
