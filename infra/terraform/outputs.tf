output "storage" {
  description = "MNIST_STORAGE of this workspace."
  value       = "/Volumes/${local.catalog}/${databricks_schema.project.name}/${databricks_volume.storage.name}"
}

output "client_ids" {
  description = "DATABRICKS_CLIENT_ID of each identity, for OIDC federation in CI."
  value       = { for key, identity in databricks_service_principal.identity : key => identity.application_id }
}

output "cluster_policy_id" {
  description = "Policy of the jobs' clusters, a variable of the bundle."
  value       = databricks_cluster_policy.jobs.id
}
