# One service principal for each entry of `identities`, which signs in by OIDC federation alone.
resource "databricks_service_principal" "identity" {
  for_each = var.identities

  display_name = each.value.display_name
}

resource "databricks_service_principal_federation_policy" "identity" {
  for_each = var.identities
  provider = databricks.account

  service_principal_id = databricks_service_principal.identity[each.key].id
  description          = "${each.value.display_name} from its CI environment"
  oidc_policy = {
    issuer    = each.value.issuer
    audiences = each.value.audiences
    subject   = each.value.subject
  }
}

locals {
  # Application ids by role: grants and permissions name principals by them.
  principals = {
    for role in ["trains", "promotes", "serves", "queries"] :
    role => [
      for key, identity in var.identities :
      databricks_service_principal.identity[key].application_id
      if contains(identity.roles, role)
    ]
  }
}
