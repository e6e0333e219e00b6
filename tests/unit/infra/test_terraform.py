"""The Terraform module against the provider's own generated bindings; no provider is needed."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import hcl2
import pytest

MODULE = Path(__file__).parents[3] / "infra" / "terraform"
META_ARGUMENTS = {"count", "for_each", "provider", "depends_on", "lifecycle", "dynamic"}
Block = Mapping[str, Any]


@cache
def binding(resource: str) -> ast.Module:
    name = resource.removeprefix("databricks_")
    file = f"cdktn_provider_databricks/{name}/__init__.py"
    path = Path(str(distribution("cdktn-provider-databricks").locate_file(file)))
    return ast.parse(path.read_text())


@cache
def resource_class(resource: str) -> ast.ClassDef:
    (found,) = (
        node
        for node in binding(resource).body
        if isinstance(node, ast.ClassDef)
        and any(getattr(base, "attr", "") == "TerraformResource" for base in node.bases)
    )
    return found


@cache
def arguments(resource: str, class_name: str | None = None) -> dict[str, tuple[bool, str]]:
    """Whether each argument of a resource, or of a block of it, is required, and its annotation."""
    classes = {each.name: each for each in binding(resource).body if isinstance(each, ast.ClassDef)}
    owner = classes[class_name] if class_name else resource_class(resource)
    init = next(each for each in owner.body if getattr(each, "name", "") == "__init__")
    assert isinstance(init, ast.FunctionDef)
    return {
        argument.arg: (default is None, ast.unparse(argument.annotation))
        for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)
        if argument.annotation
    }


@cache
def attributes(resource: str) -> set[str]:
    return {
        node.name for node in resource_class(resource).body if isinstance(node, ast.FunctionDef)
    }


def block_class(resource: str, annotation: str) -> str | None:
    classes = {node.name for node in binding(resource).body if isinstance(node, ast.ClassDef)}
    return next((name for name in re.findall(r"\w+", annotation) if name in classes), None)


def read(folder: Path, pattern: str) -> dict[str, list[Any]]:
    merged: dict[str, list[Any]] = {}
    for path in sorted(folder.glob(pattern)):
        for kind, blocks in hcl2.loads(path.read_text()).items():
            merged.setdefault(kind, []).extend(blocks if isinstance(blocks, list) else [blocks])
    return merged


def resources(module: Mapping[str, list[Any]]) -> Iterator[tuple[str, str, Block]]:
    for entry in module["resource"]:
        for kind, named in entry.items():
            if kind.startswith("__"):
                continue
            for name, body in named.items():
                yield kind.strip('"'), name.strip('"'), body


def type_of(value: Any) -> str | None:
    """The type of a literal; ``None`` of an expression."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "Number"
    if isinstance(value, list):
        return "Sequence"
    if isinstance(value, dict):
        return "dict"
    return "str" if str(value).startswith('"') else None


def flatten_dynamic(body: Block) -> dict[str, Any]:
    """The arguments of a block, with the content of its dynamic blocks under their own names."""
    given = {name: value for name, value in body.items() if not name.startswith("__")}
    for entry in given.pop("dynamic", []):
        for name, block in entry.items():
            if not name.startswith("__"):
                given[name.strip('"')] = block["content"]
    return given


def check_block(resource: str, class_name: str | None, body: Block, where: str) -> Iterator[str]:
    known, given = arguments(resource, class_name), flatten_dynamic(body)
    for name, (required, _) in known.items():
        if required and name not in given:
            yield f"{where}: the required argument {name} is missing"
    for name, value in given.items():
        if name in known:
            yield from check_value(resource, known[name][1], value, f"{where}.{name}")
        elif class_name is not None or name not in META_ARGUMENTS:
            yield f"{where}: there is no argument {name}"


def check_value(resource: str, annotation: str, value: Any, where: str) -> Iterator[str]:
    nested = block_class(resource, annotation)
    if nested is not None:
        for block in value if isinstance(value, list) else [value]:
            if isinstance(block, dict):
                yield from check_block(resource, nested, block, where)
        return
    found = type_of(value)
    if found is not None and found not in annotation:
        yield f"{where} is a {found}, expected {annotation}"


def check_references(module: Mapping[str, list[Any]], text: str) -> Iterator[str]:
    known = {(kind, name) for kind, name, _ in resources(module)}
    for kind, name, attribute in re.findall(
        r"\b(databricks_\w+)\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?", text
    ):
        if (kind, name) not in known:
            yield f"{kind}.{name} is referred to and not declared"
        elif attribute and attribute not in attributes(kind):
            yield f"{kind}.{name} has no attribute {attribute}"
    declared = {
        name.strip('"') for entry in module["variable"] for name in entry if "__" not in name
    }
    used = set(re.findall(r"\bvar\.(\w+)", text))
    yield from (f"var.{name} is used and not declared" for name in sorted(used - declared))
    yield from (f"variable {name} is never used" for name in sorted(declared - used))
    local = {name for entry in module.get("locals", []) for name in entry if "__" not in name}
    for name in set(re.findall(r"\blocal\.(\w+)", text)) - local:
        yield f"local.{name} is not defined"


def check_values(module: Mapping[str, list[Any]], folder: Path) -> Iterator[str]:
    variables = {
        name.strip('"'): body
        for entry in module["variable"]
        for name, body in entry.items()
        if "__" not in name
    }
    for path in sorted(folder.glob("*.tfvars")):
        values = hcl2.loads(path.read_text())
        for name in values:
            if not name.startswith("__") and name not in variables:
                yield f"{path.name}: there is no variable {name}"
        for name, body in variables.items():
            if "default" not in body and name not in values:
                yield f"{path.name}: {name} has no value"


def check_iterations(module: Mapping[str, list[Any]]) -> Iterator[str]:
    """A plan needs the keys of every ``for_each``; ids exist only after an apply."""
    for kind, name, body in resources(module):
        if re.search(r"local\.(principals|application_ids)|databricks_", str(body.get("for_each"))):
            yield f"{kind}.{name}: for_each is not known before an apply"


def problems(folder: Path) -> list[str]:
    module = read(folder, "*.tf")
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    return [
        *(
            problem
            for kind, name, body in resources(module)
            for problem in check_block(kind, None, body, f"{kind}.{name}")
        ),
        *check_iterations(module),
        *check_references(module, text),
        *check_values(module, folder),
    ]


def test_every_argument_reference_and_value_fits_the_provider():
    assert problems(MODULE) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (
            "catalog.tf",
            'volume_type  = "MANAGED"',
            'volume_type  = "MANAGED"\n  volume_size = 3',
            "databricks_volume.storage: there is no argument volume_size",
        ),
        (
            "catalog.tf",
            '  volume_type  = "MANAGED"\n',
            "",
            "databricks_volume.storage: the required argument volume_type is missing",
        ),
        (
            "catalog.tf",
            "schema_name  = databricks_schema.project.name\n  name         = var.volume",
            "schema_name  = databricks_schema.other.name\n  name         = var.volume",
            "databricks_schema.other is referred to and not declared",
        ),
        (
            "secrets.tf",
            "databricks_secret_scope.remote[0].name",
            "databricks_secret_scope.remote[0].names",
            "databricks_secret_scope.remote has no attribute names",
        ),
        (
            "permissions.tf",
            'permission_level       = "CAN_QUERY"',
            'permission_levels       = "CAN_QUERY"',
            "access_control: there is no argument permission_levels",
        ),
        (
            "compute.tf",
            'name        = "crosscloud-mnist jobs"',
            "name        = 3",
            "databricks_cluster_policy.jobs.name is a Number, expected "
            "typing.Optional[builtins.str]",
        ),
        (
            "gcp.tfvars",
            "node_type_gpu ",
            "node_type ",
            "gcp.tfvars: there is no variable node_type",
        ),
        (
            "catalog.tf",
            "for_each = local.volume_users",
            "for_each = toset(local.principals.trains)",
            "databricks_grant.volume: for_each is not known before an apply",
        ),
        (
            "sharing.tf",
            "var.share_with_metastore == null ?",
            "var.share ?",
            "var.share is used and not declared",
        ),
    ],
)
def test_a_fault_is_named(tmp_path, file, old, new, problem):
    folder = shutil.copytree(MODULE, tmp_path / "terraform")
    content = (folder / file).read_text()
    assert old in content
    (folder / file).write_text(content.replace(old, new))
    assert any(problem in found for found in problems(folder))


def test_no_secret_value_reaches_the_state():
    module = read(MODULE, "*.tf")
    for kind, name, body in resources(module):
        assert not {"string_value", "token_value", "client_secret"} & set(body), (kind, name)
    remote = next(entry for entry in module["variable"] if '"remote_secrets"' in entry)
    assert remote['"remote_secrets"']["ephemeral"] is True
