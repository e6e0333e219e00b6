# Catalog, schema, volume, registered model, and the grants of docs/permissions.md: no more than they list.
resource "databricks_catalog" "project" {
  name           = var.catalog
  comment        = "crosscloud-mnist"
  storage_root   = var.catalog_storage_root
  isolation_mode = "ISOLATED"
}

resource "databricks_schema" "project" {
  catalog_name = databricks_catalog.project.name
  name         = var.schema
  comment      = "Registered model and working files of crosscloud-mnist"
}

resource "databricks_volume" "storage" {
  catalog_name = databricks_catalog.project.name
  schema_name  = databricks_schema.project.name
  name         = var.volume
  volume_type  = "MANAGED"
  comment      = "Shards, checkpoints and bundles"
}

# Creating a version and moving an alias need ownership of the registered model.
resource "databricks_registered_model" "model" {
  count = var.registered_model == null ? 0 : 1

  catalog_name = databricks_catalog.project.name
  schema_name  = databricks_schema.project.name
  name         = var.registered_model
  comment      = "MNIST digits: images [n, 28, 28] of 0 to 255 to probabilities"
  owner        = one(local.principals.promotes)
}

resource "databricks_grant" "catalog" {
  for_each = toset(flatten(values(local.principals)))

  catalog    = databricks_catalog.project.name
  principal  = each.value
  privileges = ["USE_CATALOG"]
}

resource "databricks_grant" "schema" {
  for_each = toset(flatten(values(local.principals)))

  schema     = databricks_schema.project.id
  principal  = each.value
  privileges = contains(local.principals.serves, each.value) ? ["USE_SCHEMA", "CREATE_TABLE"] : ["USE_SCHEMA"] # the inference table
}

resource "databricks_grant" "volume" {
  for_each = toset(concat(local.principals.trains, local.principals.promotes))

  volume     = databricks_volume.storage.id
  principal  = each.value
  privileges = ["READ_VOLUME", "WRITE_VOLUME"]
}

resource "databricks_grant" "model" {
  for_each = var.registered_model == null ? toset([]) : toset(local.principals.serves)

  model      = databricks_registered_model.model[0].id
  principal  = each.value
  privileges = ["EXECUTE"]
}
