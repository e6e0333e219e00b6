# Staging: a workspace of production's metastore, with a schema and identities of its own.
account_host     = "https://accounts.gcp.databricks.com"
account_id       = "00000000-0000-0000-0000-000000000000" # your account
catalog          = "data_masters"
create_catalog   = false # gcp.tfvars creates it
schema           = "staging"
experiment       = "/Shared/crosscloud-mnist-staging"
registered_model = "mnist_cnn"
node_type_gpu    = "a2-highgpu-1g"
node_type_cpu    = "e2-standard-8"
node_type_small  = "e2-standard-4"
max_workers      = 4

identities = {
  deliver = {
    display_name = "crosscloud-mnist deliver (staging)"
    roles        = ["delivers"]
    issuer       = "https://token.actions.githubusercontent.com"
    audiences    = ["00000000-0000-0000-0000-000000000000"] # your account
    subject      = "repo:your-organization/crosscloud-mnist:environment:staging"
  }
  release = { # who the jobs run as
    display_name = "crosscloud-mnist release (staging)"
    roles        = ["promotes", "serves"]
  }
  caller = {
    display_name = "crosscloud-mnist caller (staging)"
    roles        = ["queries"]
    issuer       = "https://token.actions.githubusercontent.com"
    audiences    = ["00000000-0000-0000-0000-000000000000"] # your account
    subject      = "repo:your-organization/crosscloud-mnist:environment:staging-query"
  }
}

remote_scope = {
  scope  = "data_masters_azure"
  prefix = "data_masters_train"
  reader = "release"
}

model_readers = ["00000000-0000-0000-0000-000000000000"] # output client_ids of gcp, release
approvers     = ["model-approvers"]                      # a group of the account
