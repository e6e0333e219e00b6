# What a training cluster may be: Dedicated (RDDs and barrier stages need it), fixed workers, no dynamic allocation.
resource "databricks_cluster_policy" "training" {
  name        = "crosscloud-mnist training"
  description = "Dedicated job clusters of the ML runtime with a fixed number of workers"
  definition = jsonencode({
    cluster_type       = { type = "fixed", value = "job" }
    data_security_mode = { type = "fixed", value = "SINGLE_USER" }
    spark_version      = { type = "regex", pattern = "1[89]\\.\\d+\\.x-(cpu|gpu)-ml-scala2\\.13" }
    node_type_id       = { type = "allowlist", values = [var.node_type_cpu, var.node_type_gpu] }
    num_workers        = { type = "range", maxValue = var.max_workers }
    "spark_conf.spark.dynamicAllocation.enabled" = { type = "fixed", value = "false" }
    "spark_conf.spark.python.worker.reuse"       = { type = "fixed", value = "false" }
    "custom_tags.project"                        = { type = "fixed", value = "crosscloud-mnist" }
  })
}

resource "databricks_permissions" "training_policy" {
  cluster_policy_id = databricks_cluster_policy.training.id

  dynamic "access_control" {
    for_each = local.principals.trains

    content {
      service_principal_name = access_control.value
      permission_level       = "CAN_USE"
    }
  }
}
