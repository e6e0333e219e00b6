variable "account_host" {
  description = "Address of the account console, such as https://accounts.azuredatabricks.net."
  type        = string
}

variable "account_id" {
  description = "Id of the Databricks account."
  type        = string
}

variable "catalog" {
  description = "Unity Catalog catalog of the project."
  type        = string
}

variable "catalog_storage_root" {
  description = "Managed storage of the catalog; null takes the metastore's."
  type        = string
  default     = null
}

variable "schema" {
  description = "Schema of the registered model and the volume."
  type        = string
}

variable "volume" {
  description = "Volume for shards, checkpoints and bundles: MNIST_STORAGE is /Volumes/<catalog>/<schema>/<volume>."
  type        = string
  default     = "mnist"
}

variable "registered_model" {
  description = "Name of the registered model in the schema; null where this workspace registers none."
  type        = string
  default     = null
}

variable "experiment" {
  description = "Absolute path of the MLflow experiment; its ledger is <experiment>-ledger."
  type        = string
  default     = "/Shared/crosscloud-mnist"
}

variable "identities" {
  description = <<-EOT
    The service principals of this workspace, by role. Each signs in by OIDC federation alone: no secret exists.
      trains    may create clusters by the policy, log models and write the volume
      promotes  owns the registered model: it creates versions and moves aliases
      serves    manages the serving endpoint and reads the registered model
      queries   may query the endpoint
    A principal may have several roles.
  EOT
  type = map(object({
    display_name = string
    roles        = set(string)
    issuer       = string
    audiences    = list(string)
    subject      = string
  }))

  validation {
    condition = alltrue([
      for identity in var.identities :
      length(setsubtract(identity.roles, ["trains", "promotes", "serves", "queries"])) == 0
    ])
    error_message = "A role is not one of trains, promotes, serves and queries."
  }
}

variable "serving_endpoint_id" {
  description = "Id of the serving endpoint, once deploy has created it; null before the first deployment."
  type        = string
  default     = null
}

variable "remote_scope" {
  description = "Secret scope with the other workspace's host, workspace id and token; null where none is reached."
  type = object({
    scope  = string
    prefix = string
    reader = string # key of identities
  })
  default = null
}

variable "remote_secrets" {
  description = "Values of the secrets by the end of their names (host, workspace-id, client-id, client-secret); never in state."
  type        = map(string)
  default     = {}
  sensitive   = true
  ephemeral   = true
}

variable "remote_secret_names" {
  description = "Which of the secrets exist. Their values are ephemeral and cannot be counted."
  type        = set(string)
  default     = ["host", "workspace-id", "client-id", "client-secret"]
}

variable "remote_secrets_version" {
  description = "Raise it to write the secrets again."
  type        = number
  default     = 1
}

variable "node_type_gpu" {
  description = "Node type of GPU training clusters."
  type        = string
}

variable "node_type_cpu" {
  description = "Node type of CPU clusters."
  type        = string
}

variable "max_workers" {
  description = "Most workers of a training cluster; barrier training takes a fixed number."
  type        = number
  default     = 8
}

variable "share_with_metastore" {
  description = "Global metastore id of the workspace that mounts this catalog by Delta Sharing; null shares nothing."
  type        = string
  default     = null
}
