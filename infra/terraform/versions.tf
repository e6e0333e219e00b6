terraform {
  required_version = ">= 1.11" # write-only arguments

  required_providers {
    databricks = {
      source  = "databricks/databricks"
      version = ">= 1.90, < 2"
    }
  }
}

# The workspace. Host and identity come from the environment (DATABRICKS_HOST and OIDC federation, or the CLI).
provider "databricks" {}

# The account, for federation policies alone.
provider "databricks" {
  alias      = "account"
  host       = var.account_host
  account_id = var.account_id
}
