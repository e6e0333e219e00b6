"""What an identity may not do in Unity Catalog, or not see, is one line that says what it needs."""

from __future__ import annotations

import httpx
import pytest

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.ports import LedgerEntry
from rehearsal.unity_catalog_switches import UnityCatalogSwitches

SCHEMA = "data_masters.deploy"


@pytest.fixture
def gcp(clouds):
    yield clouds["gcp"]
    clouds["gcp"].set_unity_catalog(UnityCatalogSwitches())


@pytest.fixture(scope="module")
def owner(clouds, open_registry):
    """The administrator, who owns what it creates."""
    return open_registry("databricks-uc", clouds["gcp"].variables())


@pytest.fixture(scope="module")
def reader(clouds, open_registry):
    """A service principal that may promote, and owns nothing."""
    return open_registry("databricks-uc", clouds["gcp"].principal("promotes"))


@pytest.fixture
def create(tiny_bundle):
    def create_(registry, name, digest=tiny_bundle.digest):
        return registry.create_version(
            f"{SCHEMA}.{name}", tiny_bundle.folder, digest=digest, tags={}, description="digits"
        )

    return create_


def promoted(version):
    return LedgerEntry("promoted", version.name, "champion", version.version, version.digest)


def test_a_model_that_somebody_else_owns_is_named_with_its_owner(gcp, owner, reader, create):
    version = create(owner, "owned")
    for change in (
        lambda: create(reader, "owned"),
        lambda: reader.set_alias(version, "champion"),
        lambda: reader.tag_version(version, {"verified": "1"}),
        lambda: reader.delete_version(version),
        lambda: reader.append_entry(promoted(version)),
    ):
        with pytest.raises(
            RegistryError,
            match=r"promotes-gcp may not change .*\.owned in .*, which rehearsal owns .*MANAGE",
        ) as raised:
            change()
        assert "\n" not in str(raised.value)
        assert "docs/permissions.md" in str(raised.value)


def change_owner(gcp, version):
    with httpx.Client(headers={"authorization": f"Bearer {gcp.token}"}, timeout=30) as http:
        url = f"{gcp.host}/api/2.1/unity-catalog/models/{version.name}"
        http.patch(url, json={"owner": "promotes-gcp"}).raise_for_status()


def test_a_new_owner_may_change_the_model(gcp, owner, reader, create):
    version = create(owner, "given")
    change_owner(gcp, version)
    reader.set_alias(version, "champion")
    assert owner.get_version_by_alias(version.name, "champion").version == version.version


def test_only_a_model_that_does_not_exist_needs_create_model(gcp, owner, reader, create):
    change_owner(gcp, create(owner, "existing"))
    assert create(reader, "existing", digest="ab").version == "2"
    with pytest.raises(RegistryError, match=r"may not create the registered model .*\.new in"):
        create(reader, "new")


def test_a_champion_that_may_not_be_seen_is_not_absent(gcp, owner, reader, create):
    version = create(owner, "unseen")
    owner.complete_entry(owner.append_entry(promoted(version)))
    owner.set_alias(version, "champion")
    gcp.set_unity_catalog(UnityCatalogSwitches(privileges={}))
    assert reader.get_version_by_alias(version.name, "champion") is None  # as the service says
    with pytest.raises(RegistryError, match=r"1 entries of .*\.unseen, but no registered model"):
        reader.ledger(version.name)


def test_a_version_on_the_second_page_of_a_search_is_found(gcp, owner, create):
    for digest in ("d1", "d2", "d3", "d4"):
        create(owner, "many", digest=digest)
    for number in "1234":
        found = owner.find_version(f"{SCHEMA}.many", f"d{number}")
        assert (found.version, found.digest) == (number, f"d{number}")
    assert [entry.version for entry in write_entries(owner, found, 5)] == list("12345")


def write_entries(registry, version, count):
    for number in range(1, count + 1):
        entry = LedgerEntry("promoted", version.name, "champion", str(number), version.digest)
        registry.complete_entry(registry.append_entry(entry))
    return registry.ledger(version.name)


def test_a_path_that_a_folder_has_is_one_line(gcp, owner, create, open_registry):
    version = create(owner, "collision")
    with httpx.Client(headers={"authorization": f"Bearer {gcp.token}"}, timeout=30) as http:
        folder = {"path": "/Shared/taken-ledger"}
        http.post(f"{gcp.host}/api/2.0/workspace/mkdirs", json=folder).raise_for_status()
    registry = open_registry("databricks-uc", gcp.variables(), experiment="/Shared/taken")
    with pytest.raises(RegistryError, match="/Shared/taken-ledger cannot be created"):
        registry.append_entry(promoted(version))
