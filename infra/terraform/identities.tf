# One service principal for each entry of `identities`. It signs in by OIDC federation, or as the run-as identity of jobs.
resource "databricks_service_principal" "identity" {
  for_each = var.identities

  display_name = each.value.display_name
}

resource "databricks_service_principal_federation_policy" "identity" {
  for_each = { for key, identity in var.identities : key => identity if identity.subject != null }
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
  # Grants name a principal by its application id, which is known only after an apply. So for_each takes the keys of
  # `identities`, or maps with these keys.
  application_ids = { for key, identity in databricks_service_principal.identity : key => identity.application_id }
  members = {
    for role in ["trains", "promotes", "serves", "queries", "reads", "delivers"] :
    role => [for key, identity in var.identities : key if contains(identity.roles, role)]
  }
  principals = { for role, keys in local.members : role => [for key in keys : local.application_ids[key]] }
  job_users = {
    for key in toset(concat(local.members.trains, local.members.promotes, local.members.serves)) :
    key => local.application_ids[key]
  }
}

# Who delivers may set these identities as run_as: https://docs.databricks.com/aws/en/security/auth/access-control/service-principal-acl
resource "databricks_access_control_rule_set" "run_as" {
  for_each = local.job_users

  name = "accounts/${var.account_id}/servicePrincipals/${each.value}/ruleSets/default"

  grant_rules {
    role       = "roles/servicePrincipal.user"
    principals = formatlist("servicePrincipals/%s", local.principals.delivers)
  }
}
