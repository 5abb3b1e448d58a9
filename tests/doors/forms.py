"""The forms that a page shows, and what they would send."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
WRITTEN = {"text", "search", "email", "url", "number", "date", "password", "tel", "textarea"}
"""Fields in which people write; what they write stays text."""
STAND_INS = {"number": "1", "email": "x@kestrel.example", "url": "https://x.example/"}


@dataclass
class Field:
    """A field by its name: of which type, what it would send, and what can be chosen."""

    name: str
    type: str
    is_required: bool = False
    sent: list = field(default_factory=list)
    choices: list = field(default_factory=list)

    def value(self, position):
        """Return what a browser would send; of several choices one by the field's position."""
        chosen = list(filter(None, self.sent))
        offered = list(filter(None, self.choices))
        if chosen or (self.type == "checkbox" and not any(map(ID.search, offered))):
            return chosen
        if self.type == "date":
            return ["2099-12-01"] if self.is_required else []
        if self.type in WRITTEN:
            return [STAND_INS.get(self.type, "Words")]
        is_left_open = self.type == "select" and not self.is_required and "" in self.choices
        return [offered[position % len(offered)]] if offered and not is_left_open else []


@dataclass
class Form:
    """A form with its fields, its buttons as what each adds, and whom its pickers have found."""

    action: str
    method: str
    picked: str = ""
    fields: dict = field(default_factory=dict)
    buttons: list = field(default_factory=list)

    def data(self):
        """Return what a browser would send when all is filled in, and somebody is picked."""
        found = {}
        for position, one in enumerate(self.fields.values()):
            if one.name.endswith("-q"):
                found[one.name.removesuffix("-q")] = [self.picked]
            elif values := one.value(position):
                found[one.name] = values
        return found

    def named(self):
        """Yield the fields that are chosen in, and whether they name things: as pickers do."""
        for one in list(self.fields.values()):
            if one.name.endswith("-q"):
                yield one.name.removesuffix("-q"), True
            elif one.type not in WRITTEN | {"file"} and one.name != "csrfmiddlewaretoken":
                is_empty = one.type == "select" and not any(one.choices)
                yield one.name, is_empty or any(map(ID.fullmatch, [*one.choices, *one.sent]))

    def presses(self):
        """Return what each button adds; nothing where none has a name."""
        return [button for button in self.buttons if "find" not in button] or [{}]


class Forms(HTMLParser):
    """Finds the forms of a page."""

    def __init__(self, html, address):
        super().__init__()
        self.found, self.address, self.select, self.area = [], address, None, None
        self.feed(html)

    @property
    def form(self):
        return self.found[-1]

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            action = given.get("action") or self.address
            self.found.append(Form(action, given.get("method", "get").lower()))
        elif self.found and given.get("name"):
            self._named(tag, given)
        elif tag == "option" and self.select:
            self.select.choices.append(given.get("value", ""))
            if "selected" in given:
                self.select.sent.append(given.get("value", ""))

    def _named(self, tag, given):
        kind = {"input": given.get("type", "text"), "textarea": "textarea"}.get(tag, tag)
        if kind in ("submit", "button"):
            self.form.buttons.append({given["name"]: given.get("value", "")})
            return
        if kind not in WRITTEN | {"hidden", "checkbox", "radio", "select", "file"}:
            return
        fresh = Field(given["name"], kind, "required" in given)
        known = self.form.fields.setdefault(given["name"], fresh)
        if kind == "select":
            self.select = known
        elif kind in ("checkbox", "radio"):
            known.choices.append(given.get("value", "on"))
            if "checked" in given:
                known.sent.append(given.get("value", "on"))
        else:
            known.sent.append(given.get("value", ""))
        self.area = known if kind == "textarea" else None

    def handle_data(self, text):
        if self.area:
            self.area.sent[-1] += text.strip()

    def handle_endtag(self, tag):
        if tag == "select":
            self.select = None
        elif tag == "textarea":
            self.area = None
