"""Checks of Unity Catalog: whether the identity may do what ``docs/permissions.md`` lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.isolation.check_runner import NotApplicableError, Step

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

CATALOG, SCHEMA, VOLUME, MODEL = "catalog", "schema", "volume", "registered model"
OWNER = "OWNER"  # no privilege: ownership, or MANAGE
_CREATE_MODEL = "CREATE_MODEL"
_TYPES: Mapping[str, str] = {MODEL: "function"}  # a registered model has a function's privileges
_EVERY_USER = "account users"  # a group that every identity belongs to
_REMEDY = "grant it as docs/permissions.md says (infra/terraform does)"


@dataclass
class Needs:
    """What the identity needs in Unity Catalog.

    Attributes:
        privileges: Names of privileges by type and full name of the securable.
    """

    privileges: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def add(self, kind: str, full_name: str, *privileges: str) -> None:
        """Add privileges on a securable of a schema, and the use of the levels above.

        Args:
            kind: ``VOLUME`` or ``MODEL``.
            full_name: Its three levels.
            privileges: What is needed.
        """
        catalog, schema, _ = full_name.split(".", 2)
        needed = {
            (CATALOG, catalog): {"USE_CATALOG"},
            (SCHEMA, f"{catalog}.{schema}"): {"USE_SCHEMA"},
            (kind, full_name): set(privileges),
        }
        for securable, names in needed.items():
            self.privileges.setdefault(securable, set()).update(names)

    def steps(self, open_client: Callable[[], WorkspaceClient]) -> Iterator[Step]:
        """Yield a step for each securable, the higher levels first.

        Args:
            open_client: Returns a client of the workspace.
        """
        ordered = sorted(self.privileges.items(), key=lambda item: item[0][1].count("."))
        for (kind, name), needed in ordered:
            levels = name.split(".")
            above = [f"{CATALOG} {levels[0]}", f"{SCHEMA} {'.'.join(levels[:2])}"]
            yield Step(
                f"{kind} {name}",
                ", ".join(sorted(needed)),
                partial(_check, open_client, kind, name, needed),
                ["sign-in", *above[: len(levels) - 1]],
                remedy=_REMEDY,
            )


def _check(
    open_client: Callable[[], WorkspaceClient], kind: str, name: str, needed: set[str]
) -> str:
    from databricks.sdk.errors import NotFound

    client = open_client()
    try:
        owner = str(_read(client, kind, name).owner)
    except NotFound:
        if kind != MODEL:
            raise RegistryError(
                f"{kind} {name} does not exist or may not be seen, expected it; create it with "
                "infra/terraform, or grant its use as docs/permissions.md says"
            ) from None
        return _check_creation(client, name, needed)
    principals = _list_principals(client)
    if owner in principals:
        return f"owned by {owner}"
    missing = needed - _list_privileges(client, kind, name, principals, needed)
    if missing:
        raise RegistryError(
            f"{principals[0]} has no {', '.join(sorted(missing))} on {kind} {name} of {owner}, "
            f"expected {', '.join(sorted(needed))}; {_REMEDY}"
        )
    return ", ".join(sorted(needed))


def may_create_model(client: WorkspaceClient, schema: str) -> bool:
    """Whether the identity may create a registered model in the schema, ``catalog.schema``."""
    principals = _list_principals(client)
    if str(_read(client, SCHEMA, schema).owner) in principals:
        return True
    needed = {_CREATE_MODEL}
    return needed <= _list_privileges(client, SCHEMA, schema, principals, needed)


def _check_creation(client: WorkspaceClient, name: str, needed: set[str]) -> str:
    """Check that the first promotion may create the registered model that does not exist."""
    if OWNER not in needed:
        raise NotApplicableError(f"{MODEL} {name} does not exist yet, or may not be seen")
    if not may_create_model(client, name.rpartition(".")[0]):
        raise RegistryError(
            f"{MODEL} {name} does not exist, or may not be seen, expected it, owned by "
            f"{_list_principals(client)[0]}; create it with infra/terraform"
        )
    return f"{MODEL} {name} does not exist yet; the first promotion may create it"


def _read(client: WorkspaceClient, kind: str, name: str) -> Any:
    readers: Mapping[str, Callable[[str], Any]] = {
        CATALOG: client.catalogs.get,
        SCHEMA: client.schemas.get,
        VOLUME: client.volumes.read,
        MODEL: client.registered_models.get,
    }
    return readers[kind](name)


def _list_principals(client: WorkspaceClient) -> list[str]:
    """Return the names that a grant to this identity may have: its own first, then its groups."""
    me = client.current_user.me()
    groups = [group.display for group in me.groups or [] if group.display]
    return [me.user_name or "unknown", *groups, _EVERY_USER]


def _list_privileges(
    client: WorkspaceClient, kind: str, name: str, principals: Sequence[str], needed: set[str]
) -> set[str]:
    """Return the privileges of the principals, until they are all that is needed.

    One principal at a time: who owns nothing may see no grants of others.
    """
    held: set[str] = set()
    for principal in principals:
        if needed <= held:
            break
        effective = client.grants.get_effective(_TYPES.get(kind, kind), name, principal=principal)
        for assignment in effective.privilege_assignments or []:
            names = {each.privilege.value for each in assignment.privileges or [] if each.privilege}
            held |= names | (needed - {OWNER} if "ALL_PRIVILEGES" in names else set())
            held |= {OWNER} if "MANAGE" in names else set()
    return held
