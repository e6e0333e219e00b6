# The secrets with which this workspace reaches the other one. Values are write-only: they never reach the state.
resource "databricks_secret_scope" "remote" {
  count = var.remote_scope == null ? 0 : 1

  name = var.remote_scope.scope
}

resource "databricks_secret" "remote" {
  for_each = var.remote_scope == null ? toset([]) : var.remote_secret_names

  scope                   = databricks_secret_scope.remote[0].name
  key                     = "${var.remote_scope.prefix}-${each.value}"
  string_value_wo         = var.remote_secrets[each.value]
  string_value_wo_version = var.remote_secrets_version
}

resource "databricks_secret_acl" "remote" {
  count = var.remote_scope == null ? 0 : 1

  scope      = databricks_secret_scope.remote[0].name
  principal  = databricks_service_principal.identity[var.remote_scope.reader].application_id
  permission = "READ"
}

# The key that signs bundles, for the identity that trains alone: {{secrets/crosscloud_mnist_signing/signing-key}}.
resource "databricks_secret_scope" "signing" {
  count = var.signing_reader == null ? 0 : 1

  name = "crosscloud_mnist_signing"
}

resource "databricks_secret" "signing" {
  count = var.signing_reader == null ? 0 : 1

  scope                   = databricks_secret_scope.signing[0].name
  key                     = "signing-key"
  string_value_wo         = var.signing_key
  string_value_wo_version = var.remote_secrets_version
}

resource "databricks_secret_acl" "signing" {
  count = var.signing_reader == null ? 0 : 1

  scope      = databricks_secret_scope.signing[0].name
  principal  = databricks_service_principal.identity[var.signing_reader].application_id
  permission = "READ"
}
