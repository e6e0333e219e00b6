"""The digest is at the end of a version's description."""

from __future__ import annotations

from crosscloud_mnist.adapters.databricks.digest_note import add_digest, read_digest

DIGEST = "ab" * 32


def test_the_digest_is_read_back_from_the_description():
    assert read_digest(add_digest("models:/m-1 of run 2.", DIGEST)) == DIGEST
    assert read_digest(add_digest("", DIGEST)) == DIGEST


def test_the_last_digest_counts():
    assert read_digest(add_digest(add_digest("a copy", "cd" * 32), DIGEST)) == DIGEST


def test_a_description_without_a_digest_has_none():
    assert read_digest(None) == read_digest("digits") == read_digest("Bundle digest: 12.") == ""
