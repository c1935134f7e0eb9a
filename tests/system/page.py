# SPDX-License-Identifier: MIT
"""An HTML page of the bench as a browser reads it."""

import html.parser
import json

VOID = {"meta", "input", "link", "br", "img"}


class Page(html.parser.HTMLParser):
    """`tables`: by class, rows of cells, which have their `text` and their attributes; `objects`: by id,
    what the script reads; `tracks`: how many rows the timeline has for sectors. Elements that are not
    closed in order are told at once."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.references, self.objects, self.tables = [], [], [], {}, {}
        self.tracks = 0
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def inside(self, name, **attributes):
        return any(tag == name and attributes.items() <= own.items() for tag, own in self.open)

    def table(self):
        """The rows of the innermost one."""
        name = next(own["class"] for tag, own in reversed(self.open) if tag == "table")
        return self.tables.setdefault(name, [])

    def handle_starttag(self, tag, attrs):
        own = dict(attrs)
        if "id" in own:
            self.ids.append(own["id"])
        self.references += [own[name] for name in ("href", "src", "for") if name in own]
        if tag == "tr":
            self.table().append([])
        elif tag in ("th", "td"):
            self.table()[-1].append({"text": "", **own})
        self.tracks += tag == "div" and own.get("class") == "track sector"
        if tag not in VOID:
            self.open.append((tag, own))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, f"</{tag}> closes {self.open[-1:]} at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data):
        if self.inside("script", type="application/json"):
            self.objects[self.open[-1][1]["id"]] = json.loads(data)
        elif self.inside("th") or self.inside("td"):
            self.table()[-1][-1]["text"] += data

    def check(self):
        """Ids are unique, and what refers to something refers to something in the page."""
        assert len(self.ids) == len(set(self.ids))
        assert {reference.lstrip("#") for reference in self.references} <= set(self.ids)
