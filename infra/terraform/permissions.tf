# Experiments (tracking and the ledger) and the serving endpoint, which `deploy` creates and owns.
resource "databricks_mlflow_experiment" "tracking" {
  name = var.experiment
}

# Where no model is registered, there is no ledger.
resource "databricks_mlflow_experiment" "ledger" {
  count = var.registered_model == null ? 0 : 1

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
    for_each = setsubtract(
      concat(local.principals.serves, local.principals.reads),
      concat(local.principals.trains, local.principals.promotes),
    )

    content {
      service_principal_name = access_control.value
      permission_level       = "CAN_READ"
    }
  }
}

resource "databricks_permissions" "ledger" {
  count = length(databricks_mlflow_experiment.ledger)

  experiment_id = databricks_mlflow_experiment.ledger[0].id

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
