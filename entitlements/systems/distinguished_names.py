"""When two distinguished names (RFC 4514) mean the same entry, however they are written."""

import re

HEX_PAIR = re.compile(r"[0-9A-Fa-f]{2}")


def normalized(name: str) -> str:
    """Return a form that is equal for names that differ in case, spaces, escapes or quotes only."""
    if not any(mark in name for mark in '\\"+;'):
        return ",".join(_plain(part) for part in name.split(","))
    parts = _split(name, ",;")
    return ",".join(
        "+".join(sorted(_escaped(value) for value in _split(part, "+"))) for part in parts
    )


def same(one: str, other: str) -> bool:
    """Say whether two names mean the same entry."""
    return normalized(one) == normalized(other)


def is_distinguished_name(text: str) -> bool:
    """Say whether `text` has the shape of a name: attribute=value, separated by commas."""
    parts = _split(text, ",;+")
    return all(part.partition("=")[0].strip() and part.partition("=")[2].strip() for part in parts)


def _plain(part: str) -> str:
    attribute, _, value = part.partition("=")
    return f"{attribute.strip().lower()}={' '.join(value.split()).casefold()}"


def _escaped(part: str) -> str:
    """Return one attribute=value with its escapes resolved, and escaped again in one way."""
    attribute, _, value = part.partition("=")
    value = value.strip(" ") if not value.rstrip(" ").endswith("\\") else value.lstrip(" ")
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    text = " ".join(_unescaped(value).split()).casefold()
    safe = re.sub(r'([\\,+";=])', r"\\\1", text)
    return f"{attribute.strip().lower()}={safe}"


def _unescaped(value: str) -> str:
    octets = bytearray()
    position = 0
    while position < len(value):
        character = value[position]
        position += 1
        if character == "\\" and position < len(value):
            pair = value[position : position + 2]
            if HEX_PAIR.fullmatch(pair):
                octets.append(int(pair, 16))
                position += 2
                continue
            character = value[position]
            position += 1
        octets += character.encode()
    return octets.decode(errors="replace")


def _split(text: str, separators: str) -> list[str]:
    """Split at separators that are neither escaped nor quoted."""
    parts, start, quoted, position = [], 0, False, 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == '"':
            quoted = not quoted
        elif character in separators and not quoted:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    return [*parts, text[start:]]
