# The approval of a version: a tag that its approvers alone may set. Setting a governed tag needs ASSIGN on the tag besides
# APPLY TAG on the model or its ownership, so the identity that releases, which owns the model, cannot approve:
# https://docs.databricks.com/aws/en/admin/governed-tags/manage-permissions
locals {
  approvers = var.registered_model == null ? toset([]) : var.approvers
}

# Its values are groups. Tags are replicated as plain text, so they name no person; the audit log has who set the tag.
resource "databricks_tag_policy" "approval" {
  count = length(local.approvers) == 0 ? 0 : 1

  tag_key     = "approved_by"
  description = "The group whose member approved a model version for production"
  values      = [for name in local.approvers : { name = name }]
}

# A rule set replaces all permissions on the tag, also those of the identity that created it. Account admins keep theirs.
resource "databricks_access_control_rule_set" "approval" {
  count = length(databricks_tag_policy.approval)

  name = "accounts/${var.account_id}/tagPolicies/${databricks_tag_policy.approval[0].id}/ruleSets/default"

  grant_rules {
    role       = "roles/tagPolicy.assigner"
    principals = formatlist("groups/%s", local.approvers)
  }
}

resource "databricks_grant" "approval" {
  for_each = local.approvers

  model      = databricks_registered_model.model[0].id
  principal  = each.value
  privileges = ["EXECUTE", "APPLY_TAG"]
}
