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

variable "create_catalog" {
  description = "Whether this workspace's run creates the catalog; false where another workspace of the metastore has."
  type        = bool
  default     = true
}

variable "bound_workspaces" {
  description = "Ids of the metastore's other workspaces that use the catalog, such as staging's."
  type        = set(string)
  default     = []
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
    The service principals of this workspace, by role. No secret exists: with a subject, one signs in by OIDC
    federation; without, it is who jobs run as.
      trains    may create clusters by the policy, log models and write the volume
      promotes  owns the registered model: it creates versions and moves aliases
      serves    manages the serving endpoint and reads the registered model
      queries   may query the endpoint
      reads     reads logged models: another workspace pulls as this principal
      delivers  deploys the bundle and starts its jobs, which run as the others
    A principal may have several roles.
  EOT
  type = map(object({
    display_name = string
    roles        = set(string)
    issuer       = optional(string)
    audiences    = optional(list(string))
    subject      = optional(string)
  }))

  validation {
    condition = alltrue([
      for identity in var.identities :
      length(setsubtract(identity.roles, ["trains", "promotes", "serves", "queries", "reads", "delivers"])) == 0
    ])
    error_message = "A role is not one of trains, promotes, serves, queries, reads and delivers."
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

variable "node_type_small" {
  description = "Node type of the jobs on a single node."
  type        = string
}

variable "max_workers" {
  description = "Most workers of a training cluster; barrier training takes a fixed number."
  type        = number
  default     = 8
}

variable "model_readers" {
  description = "Application ids of other workspaces' principals that read the registered model: of staging's, production's."
  type        = set(string)
  default     = []
}

variable "approvers" {
  description = "Groups of the account whose members alone may approve versions of the registered model, by the tag approved_by."
  type        = set(string)
  default     = []
}

variable "signing_reader" {
  description = "Key of the identity that signs bundles, where this workspace trains; null where it does not."
  type        = string
  default     = null
}

variable "signing_key" {
  description = "Private key that signs bundles, PEM; never in state."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "share_with_metastore" {
  description = "Global metastore id of the workspace that mounts this catalog by Delta Sharing; null shares nothing."
  type        = string
  default     = null
}
