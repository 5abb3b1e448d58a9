"""What help there is; each topic is a template of the same name."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Topic:
    """One short answer."""

    slug: str
    title: str
    line: str

    @property
    def template(self) -> str:
        return f"help/{self.slug.replace('-', '_')}.html"


TOPICS: Final = (
    Topic("how-it-works", "How it works", "From a question to access, and to its end"),
    Topic("words", "Words", "What we call things, in a sentence each"),
    Topic("approvers", "For approvers", "Deciding well, and what happens if you do not"),
    Topic("managers", "For managers", "Asking for your people, and ending their access"),
    Topic("owners", "For owners", "Catalogs, packages and policies"),
    Topic("keyboard", "Keyboard", "Everything works without a mouse"),
    Topic("accessibility", "Accessibility", "What we promise, and whom to tell when it fails"),
)


def topic_of(slug: str) -> Topic | None:
    """Return the topic with this name in its address."""
    return next((topic for topic in TOPICS if topic.slug == slug), None)
