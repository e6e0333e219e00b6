"""A search is read to its last page."""

from __future__ import annotations

from types import SimpleNamespace

from mlflow.store.entities import PagedList

from crosscloud_mnist.adapters.mlflow.base_versions import search_versions
from crosscloud_mnist.adapters.mlflow.orphans import delete_orphans
from crosscloud_mnist.adapters.mlflow.pages import read_pages

PAGES = {None: PagedList(["a"], "1"), "1": PagedList([], "2"), "2": PagedList(["b"], None)}


def test_every_page_is_read_also_after_an_empty_one():
    assert list(read_pages(PAGES.__getitem__)) == ["a", "b"]


class PagedClient:
    """A registry with one result on a page."""

    def __init__(self):
        self.deleted = []

    def search_model_versions(self, filter_string, page_token=None):
        versions = [SimpleNamespace(version=str(number), run_id=f"r{number}") for number in "123"]
        return self._page(versions, page_token)

    def search_logged_models(self, experiment_ids, filter_string, page_token=None):
        models = [
            SimpleNamespace(model_id=f"m{number}", source_run_id=f"r{number}", creation_timestamp=0)
            for number in "1234"
        ]
        return self._page(models, page_token)

    def search_runs(self, experiment_ids, filter_string, page_token=None):
        return PagedList([], None)

    def delete_logged_model(self, model_id):
        self.deleted.append(model_id)

    def _page(self, results, page_token):
        first = int(page_token or 0)
        token = str(first + 1) if first + 1 < len(results) else None
        return PagedList(results[first : first + 1], token)


def test_every_version_of_a_model_is_found():
    assert [version.version for version in search_versions(PagedClient(), "m")] == ["1", "2", "3"]


def test_a_model_is_an_orphan_only_if_no_version_on_any_page_has_its_run():
    client = PagedClient()
    delete_orphans(client, "1", "m", "ab", 0)
    assert client.deleted == ["m4"]
