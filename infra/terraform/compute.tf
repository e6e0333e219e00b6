# What a job's cluster may be: Dedicated (RDDs and barrier stages need it), fixed workers, no dynamic allocation.
locals {
  job_policy = {
    cluster_type       = { type = "fixed", value = "job" }
    data_security_mode = { type = "fixed", value = "SINGLE_USER" } # the name of Dedicated in policies
    spark_version      = { type = "regex", pattern = "1[89]\\.\\d+\\.x-(cpu|gpu)-ml-scala2\\.13" }
    node_type_id       = { type = "allowlist", values = [var.node_type_cpu, var.node_type_gpu, var.node_type_small] }
    num_workers        = { type = "range", maxValue = var.max_workers }
    "spark_conf.spark.dynamicAllocation.enabled" = { type = "fixed", value = "false" }
    "spark_conf.spark.python.worker.reuse"       = { type = "fixed", value = "false" }
    "custom_tags.project"                        = { type = "fixed", value = "crosscloud-mnist" }
  }
}

resource "databricks_cluster_policy" "jobs" {
  name        = "crosscloud-mnist jobs"
  description = "Dedicated job clusters of the ML runtime with a fixed number of workers"
  definition  = jsonencode(local.job_policy)
}

resource "databricks_permissions" "job_policy" {
  cluster_policy_id = databricks_cluster_policy.jobs.id

  dynamic "access_control" {
    for_each = toset(concat(local.principals.trains, local.principals.promotes, local.principals.serves))

    content {
      service_principal_name = access_control.value
      permission_level       = "CAN_USE"
    }
  }
}
