# Delta Sharing, the way without secrets: the other workspace mounts this catalog's model and reads it as its own.
resource "databricks_share" "models" {
  count = var.share_with_metastore == null || var.registered_model == null ? 0 : 1

  name    = "crosscloud_mnist"
  comment = "Registered model of crosscloud-mnist"

  object {
    name             = databricks_registered_model.model[0].id
    data_object_type = "MODEL"
  }
}

resource "databricks_recipient" "other_cloud" {
  count = var.share_with_metastore == null ? 0 : 1

  name                               = "crosscloud_mnist_other_cloud"
  authentication_type                = "DATABRICKS"
  data_recipient_global_metastore_id = var.share_with_metastore
}

resource "databricks_grant" "share" {
  count = length(databricks_share.models)

  share      = databricks_share.models[0].name
  principal  = databricks_recipient.other_cloud[0].name
  privileges = ["SELECT"]
}
