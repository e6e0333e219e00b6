"""Searches whose results come in pages: a server chooses how many are on one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mlflow.store.entities import PagedList

Item = TypeVar("Item")


def read_pages(search: Callable[[str | None], PagedList[Item]]) -> Iterator[Item]:
    """Yield the results of every page.

    Args:
        search: Returns the page of a token; ``None`` is the first page.
    """
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return
