"""Who may do what in a workspace: the table of ``docs/permissions.md``, as rules for requests.

A rule allows the roles of its row to send the requests that its methods and path match; the first
rule that matches counts. A request that no rule matches is the administrator's alone. Terraform has
created what exists before the first run: the registered model, the experiments, the schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ADMINISTERS, TRAINS, PROMOTES, SERVES = "administers", "trains", "promotes", "serves"
QUERIES, READS, READS_SCOPE, APPROVES = "queries", "reads", "reads_scope", "approves"
DELIVERS = "delivers"
ALL = (TRAINS, PROMOTES, SERVES, QUERIES, READS, READS_SCOPE, APPROVES, DELIVERS)
# Tags that a role alone may set, whoever owns the object: governed tags, whose ASSIGN the role has.
# https://docs.databricks.com/aws/en/admin/governed-tags/manage-permissions
GOVERNED_TAGS = {"approved_by": APPROVES}
# The service principals of a workspace, by name. ``release`` promotes and serves in one run.
# Staging is a schema of production's metastore, with identities of its own.
PRINCIPALS = {
    "trains": (TRAINS, READS_SCOPE),
    "promotes": (PROMOTES, READS_SCOPE),
    "serves": (SERVES, READS_SCOPE),
    "releases": (PROMOTES, SERVES, READS_SCOPE),
    "reads": (READS,),
    "releases_staging": (PROMOTES, SERVES, READS_SCOPE),
    "approves": (APPROVES,),
    "delivers": (DELIVERS,),
    "delivers_staging": (DELIVERS,),
}
_JOBS = {"reads": "releases"}  # in another workspace, the one that pulls
_MLFLOW = r"/api/2\.0/mlflow"
_UC = rf"{_MLFLOW}/unity-catalog"
_MODELS = r"/api/2\.1/unity-catalog/models/"
_CREDENTIALS = rf"{_UC}/model-versions/generate-temporary-credentials"
_FILES = r"/api/2\.0/fs/[^/]+"
_ARTIFACTS = f"{_FILES}/WorkspaceInternal/"
_READERS = (TRAINS, PROMOTES, SERVES, READS)


@dataclass(frozen=True)
class Rule:
    """Which roles may send which requests.

    Attributes:
        roles: The roles that may.
        privilege: What the service calls it, for the message.
        path: Regular expression of the path's beginning.
        methods: HTTP methods; all without them.
    """

    roles: tuple[str, ...]
    privilege: str
    path: str
    methods: tuple[str, ...] = ()


RULES = (
    Rule(ALL, "no privilege", r"/api/2\.0/preview/scim/v2/Me$"),
    Rule(ALL, "no privilege", r"/api/2\.1/unity-catalog/current-metastore-assignment$"),
    Rule((), "CREATE MODEL on the schema", rf"{_UC}/registered-models/create$"),
    Rule((), "ownership of the registered model", rf"{_UC}/registered-models/delete$"),
    Rule(
        (PROMOTES, APPROVES), "APPLY TAG on the registered model", rf"{_UC}/model-versions/set-tag$"
    ),
    Rule((PROMOTES, SERVES, APPROVES), "EXECUTE on the registered model", f"{_UC}/", ("GET",)),
    Rule((PROMOTES, SERVES), "EXECUTE on the registered model", rf"{_CREDENTIALS}$", ("POST",)),
    Rule((PROMOTES,), "ownership of the registered model", f"{_UC}/"),
    Rule((PROMOTES, SERVES), "EXECUTE on the registered model", _MODELS, ("GET",)),
    # The body says which file: the handler checks whether it may be written.
    Rule(_READERS, "access to the file", r"/api/2\.0/fs/create-", ("POST",)),
    Rule((PROMOTES, SERVES), "EXECUTE on the registered model", f"{_FILES}/Models/", ("GET",)),
    Rule((PROMOTES, SERVES), "EXECUTE on the registered model", f"{_FILES}/Models/", ("HEAD",)),
    Rule((PROMOTES,), "ownership of the registered model", f"{_FILES}/Models/"),
    Rule((TRAINS, PROMOTES), "WRITE VOLUME on the volume", f"{_FILES}/Volumes/"),
    Rule((TRAINS, PROMOTES, READS), "CAN_READ on the experiment", _ARTIFACTS, ("GET",)),
    Rule((TRAINS, PROMOTES, READS), "CAN_READ on the experiment", _ARTIFACTS, ("HEAD",)),
    Rule((TRAINS, PROMOTES), "CAN_EDIT on the experiment", _ARTIFACTS),
    Rule(_READERS, "CAN_READ on the experiment", f"{_MLFLOW}/", ("GET",)),
    Rule(_READERS, "CAN_READ on the experiment", rf"{_MLFLOW}/\w+/search$"),
    Rule((TRAINS, PROMOTES), "CAN_EDIT on the experiment", f"{_MLFLOW}/"),
    Rule(ALL, "no privilege", r"/api/2\.1/unity-catalog/", ("GET",)),
    Rule((SERVES,), "CAN_MANAGE on the endpoint", r"/api/2\.0/serving-endpoints"),
    Rule((SERVES, QUERIES), "CAN_QUERY on the endpoint", r"/serving-endpoints/"),
    Rule((READS_SCOPE,), "READ on the secret scope", r"/api/2\.0/secrets/(get|list)$", ("GET",)),
)


def subject_of(principal: str) -> str:
    """Return ``sub`` of the ID tokens of the CI job that signs in as the service principal."""
    return f"repo:bank/mnist:environment:{_JOBS.get(principal, principal)}"


def find_missing_privilege(roles: tuple[str, ...], method: str, path: str) -> str | None:
    """Return the privilege that a request needs and these roles do not have, if there is one."""
    if ADMINISTERS in roles:
        return None
    for rule in RULES:
        if re.match(rule.path, path) and (not rule.methods or method in rule.methods):
            return None if set(roles) & set(rule.roles) else rule.privilege
    return "administrator of the workspace"
