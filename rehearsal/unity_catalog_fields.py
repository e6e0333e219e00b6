"""Models and versions as the MLflow server stores them, and as Unity Catalog returns them."""

from __future__ import annotations

import re

from rehearsal.workspace import Fields, invalid_value

_HIDDEN = "_unity_catalog."  # prefix of the tags that Unity Catalog does not return
STATUS, SOURCE, OWNER = f"{_HIDDEN}status", f"{_HIDDEN}source", f"{_HIDDEN}owner"
PENDING, READY = "PENDING_REGISTRATION", "READY"
_TAG_KEY = re.compile(r"[^.,\-=/:\s][^.,\-=/:]{0,254}")  # stricter than MLflow's
_MAX_TAG = 1000


def models_folder(name: str, version: str) -> str:
    """Return the folder of a version's files, as the Files API names it."""
    return f"Models/{name.replace('.', '/')}/{version}"


def to_model(stored: Fields) -> Fields:
    """Return a registered model as Unity Catalog returns it."""
    names = ("name", "description", "creation_timestamp", "last_updated_timestamp")
    fields = {name: stored[name] for name in names if name in stored}
    tags = [tag for tag in stored.get("tags", []) if not tag["key"].startswith(_HIDDEN)]
    return {**fields, "tags": tags, "aliases": stored.get("aliases", [])}


def to_version(stored: Fields) -> Fields:
    """Return a version as Unity Catalog returns it."""
    tags = {tag["key"]: tag["value"] for tag in stored.get("tags", [])}
    kept = ("name", "version", "description", "run_id", "creation_timestamp")
    return {
        **{key: stored[key] for key in (*kept, "last_updated_timestamp") if key in stored},
        "status": tags.get(STATUS, READY),
        "source": tags.get(SOURCE, ""),
        "storage_location": f"dbfs:/{models_folder(stored['name'], str(stored['version']))}",
        "tags": [
            {"key": key, "value": value}
            for key, value in tags.items()
            if not key.startswith(_HIDDEN)
        ],
        "aliases": [
            {"alias": alias, "version": stored["version"]} for alias in stored.get("aliases", [])
        ],
    }


def check_tags(tags: list[Fields]) -> None:
    """Check that Unity Catalog allows the tags.

    Raises:
        ApiError: It does not.
    """
    for tag in tags:
        key, value = str(tag.get("key", "")), str(tag.get("value", ""))
        if not _TAG_KEY.fullmatch(key):
            raise invalid_value(f"Tag key '{key}' holds a character of . , - = / : or is too long.")
        if len(value) > _MAX_TAG:
            raise invalid_value(f"The value of tag '{key}' is longer than {_MAX_TAG} characters.")
        if value != value.strip():
            raise invalid_value(f"The value of tag '{key}' has a blank at its start or end.")
