"""What axe-core (https://github.com/dequelabs/axe-core) finds on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_core_python.selenium import Axe

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_GRAVE = ("serious", "critical")


def find_grave_violations(browser: Chrome) -> list[str]:
    """Return the serious and critical violations of the page that is open, with their elements."""
    violations = Axe().run(browser)["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['html']}"
        for each in violations
        if each["impact"] in _GRAVE
        for node in each["nodes"]
    ]
