# Catalog, schema, volume, registered model, and the grants of docs/permissions.md: no more than they list.
resource "databricks_catalog" "project" {
  count = var.create_catalog ? 1 : 0

  name           = var.catalog
  comment        = "crosscloud-mnist"
  storage_root   = var.catalog_storage_root
  isolation_mode = "ISOLATED"
}

# The catalog is bound to the workspace that creates it; staging is another one.
resource "databricks_workspace_binding" "catalog" {
  for_each = var.create_catalog ? var.bound_workspaces : toset([])

  securable_name = local.catalog
  securable_type = "catalog"
  workspace_id   = each.value
}

locals {
  catalog = var.create_catalog ? databricks_catalog.project[0].name : var.catalog
  # Those who query the endpoint need nothing in Unity Catalog.
  catalog_users = merge(
    local.job_users,
    { for key in local.members.delivers : key => local.application_ids[key] },
    { for name in setunion(var.model_readers, var.approvers) : name => name },
  )
  volume_users = {
    for key in toset(concat(local.members.trains, local.members.promotes, local.members.delivers)) :
    key => local.application_ids[key]
  }
  model_users = {
    for key, principal in merge(
      { for key in local.members.serves : key => local.application_ids[key] },
      { for name in var.model_readers : name => name },
    ) : key => principal if var.registered_model != null
  }
}

resource "databricks_schema" "project" {
  catalog_name = local.catalog
  name         = var.schema
  comment      = "Registered model and working files of crosscloud-mnist"
}

resource "databricks_volume" "storage" {
  catalog_name = local.catalog
  schema_name  = databricks_schema.project.name
  name         = var.volume
  volume_type  = "MANAGED"
  comment      = "Shards, checkpoints and bundles"
}

# Creating a version and moving an alias need ownership of the registered model.
resource "databricks_registered_model" "model" {
  count = var.registered_model == null ? 0 : 1

  catalog_name = local.catalog
  schema_name  = databricks_schema.project.name
  name         = var.registered_model
  comment      = "MNIST digits: images [n, 28, 28] of 0 to 255 to probabilities"
  owner        = one(local.principals.promotes)
}

resource "databricks_grant" "catalog" {
  for_each = local.catalog_users

  catalog    = local.catalog
  principal  = each.value
  privileges = ["USE_CATALOG"]
}

resource "databricks_grant" "schema" {
  for_each = local.catalog_users

  schema     = databricks_schema.project.id
  principal  = each.value
  privileges = contains(local.members.serves, each.key) ? ["USE_SCHEMA", "CREATE_TABLE"] : ["USE_SCHEMA"] # the inference table
}

resource "databricks_grant" "volume" {
  for_each = local.volume_users

  volume     = databricks_volume.storage.id
  principal  = each.value
  privileges = contains(concat(local.members.trains, local.members.promotes), each.key) ? ["READ_VOLUME", "WRITE_VOLUME"] : ["READ_VOLUME"]
}

resource "databricks_grant" "model" {
  for_each = local.model_users

  model      = databricks_registered_model.model[0].id
  principal  = each.value
  privileges = ["EXECUTE"]
}
