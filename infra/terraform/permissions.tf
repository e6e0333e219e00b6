# Experiments (tracking and the ledger) and the serving endpoint, which `deploy` creates and owns.
resource "databricks_mlflow_experiment" "tracking" {
  name = var.experiment
}

resource "databricks_mlflow_experiment" "ledger" {
  name = "${var.experiment}-ledger"
}

resource "databricks_permissions" "tracking" {
  experiment_id = databricks_mlflow_experiment.tracking.id

  dynamic "access_control" {
    for_each = toset(concat(local.principals.trains, local.principals.promotes))

    content {
      service_principal_name = access_control.value
      permission_level       = "CAN_EDIT"
    }
  }

  dynamic "access_control" {
    for_each = setsubtract(local.principals.serves, concat(local.principals.trains, local.principals.promotes))

    content {
      service_principal_name = access_control.value
      permission_level       = "CAN_READ"
    }
  }
}

resource "databricks_permissions" "ledger" {
  experiment_id = databricks_mlflow_experiment.ledger.id

  dynamic "access_control" {
    for_each = toset(local.principals.promotes)

    content {
      service_principal_name = access_control.value
      permission_level       = "CAN_EDIT"
    }
  }

  dynamic "access_control" {
    for_each = setsubtract(local.principals.serves, local.principals.promotes)

    content {
      service_principal_name = access_control.value
      permission_level       = "CAN_READ"
    }
  }
}

resource "databricks_permissions" "endpoint" {
  count = var.serving_endpoint_id == null ? 0 : 1

  serving_endpoint_id = var.serving_endpoint_id

  dynamic "access_control" {
    for_each = toset(local.principals.serves)

    content {
      service_principal_name = access_control.value
      permission_level       = "CAN_MANAGE"
    }
  }

  dynamic "access_control" {
    for_each = setsubtract(local.principals.queries, local.principals.serves)

    content {
      service_principal_name = access_control.value
      permission_level       = "CAN_QUERY"
    }
  }
}
