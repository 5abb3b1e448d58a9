"""The sights in which every page is looked at: wide and narrow, light and dark."""

import os

SIGHTS = [("light", 1366), ("dark", 390)]
"""Widths and colors have nothing to do with each other: each is seen once."""
if os.environ.get("SHOTS"):
    SIGHTS += [("dark", 1366), ("light", 390)]
SETTLED = """theme => new Promise((done) => {
    const root = document.documentElement.dataset, late = performance.now() + 2000;
    const look = () => root.bsTheme === theme || performance.now() > late
        ? requestAnimationFrame(() => requestAnimationFrame(done)) : requestAnimationFrame(look);
    look();
})"""
"""The page follows the system's colors a moment later, and nobody looks in between."""


def sights(page):
    """Bring a page into one sight after the other, and yield the name and the width of each."""
    before = page.viewport_size
    for theme, width in SIGHTS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.evaluate(SETTLED, theme)
        yield f"{theme}-{width}", width
    page.set_viewport_size(before)
    page.emulate_media(color_scheme="light")


def look(page, name, axe, shot):
    """Return what is wrong with a page in any sight: what axe finds, and whether it fits."""
    wrong = []
    for sight, width in sights(page):
        shot(page, f"{name}-{sight}")
        wrong += [f"{name} {sight}: {finding}" for finding in axe(page)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{name} {sight}: is wider than the window")
    for tag in ("h1", "main"):
        if (count := page.locator(tag).count()) != 1:
            wrong.append(f"{name}: has {count} of {tag}")
    return wrong
