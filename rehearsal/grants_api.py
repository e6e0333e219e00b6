"""Unity Catalog's securables and effective privileges, as ``docs/permissions.md`` lists them.

https://docs.databricks.com/api/workspace/grants/geteffective
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal.grants import ADMINISTERS, PROMOTES, SERVES, TRAINS
from rehearsal.workspace import ApiError, Workspace, workspace_of

VOLUME = "data_masters.train.mnist"
_OWNER = "metastore-admins"  # of everything but the models, which who promotes owns
_UNITY_CATALOG = "/api/2.1/unity-catalog/"
_EVERYONE = (ADMINISTERS, TRAINS, PROMOTES, SERVES)
_ROLES: Mapping[str, Mapping[str, Sequence[str]]] = {  # who has the privileges of each type
    "catalog": {"USE_CATALOG": _EVERYONE},
    "schema": {"USE_SCHEMA": _EVERYONE, "CREATE_MODEL": (ADMINISTERS,)},
    "volume": {
        "READ_VOLUME": (ADMINISTERS, TRAINS, PROMOTES),
        "WRITE_VOLUME": (ADMINISTERS, TRAINS, PROMOTES),
    },
    "function": {  # a registered model is one; who promotes owns it
        "EXECUTE": (ADMINISTERS, PROMOTES, SERVES),
        "MANAGE": (ADMINISTERS,),
    },
}


def _get_securable(kind: str) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def get(request: Request) -> JSONResponse:
        name = request.path_params["name"]
        _check_exists(workspace_of(request), kind, name)
        return JSONResponse({"name": name.rpartition(".")[2], "full_name": name, "owner": _OWNER})

    return get


async def get_effective(request: Request) -> JSONResponse:
    """Return the privileges of a principal on a securable, with the inherited ones."""
    kind, name = request.path_params["kind"], request.path_params["name"]
    if kind not in _ROLES:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Unknown securable type '{kind}'.")
    if kind != "function":
        _check_exists(workspace_of(request), kind, name)
    identity = request.scope["rehearsal.principal"]
    principal = request.query_params.get("principal", identity.client_id)
    if principal != identity.client_id:  # a group: privileges are granted to the identities
        return JSONResponse({})
    held = [
        privilege for privilege, roles in _ROLES[kind].items() if set(roles) & set(identity.roles)
    ]
    privileges = [{"privilege": privilege} for privilege in held]
    return JSONResponse(
        {"privilege_assignments": [{"principal": principal, "privileges": privileges}]}
    )


def _check_exists(workspace: Workspace, kind: str, name: str) -> None:
    existing = {
        "catalog": {schema.partition(".")[0] for schema in workspace.schemas},
        "schema": set(workspace.schemas),
        "volume": {VOLUME},
    }
    if name not in existing[kind]:
        code = f"{kind.upper()}_DOES_NOT_EXIST"
        raise ApiError(404, code, f"{kind.capitalize()} '{name}' does not exist.")


ROUTES = [
    Route(f"{_UNITY_CATALOG}effective-permissions/{{kind}}/{{name}}", get_effective),
    *(
        Route(f"{_UNITY_CATALOG}{kind}/{{name}}", _get_securable(kind.removesuffix("s")))
        for kind in ("catalogs", "schemas", "volumes")
    ),
]
