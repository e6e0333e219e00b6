# Production: takes what staging tested, serves and tests it. It reaches no other workspace.
account_host     = "https://accounts.gcp.databricks.com"
account_id       = "00000000-0000-0000-0000-000000000000" # your account
catalog          = "data_masters"
schema           = "deploy"
registered_model = "mnist_cnn"
node_type_gpu    = "a2-highgpu-1g"
node_type_cpu    = "e2-standard-8"
node_type_small  = "e2-standard-4"
max_workers      = 4

identities = {
  deliver = {
    display_name = "crosscloud-mnist deliver (gcp)"
    roles        = ["delivers"]
    issuer       = "https://token.actions.githubusercontent.com"
    audiences    = ["00000000-0000-0000-0000-000000000000"] # your account
    subject      = "repo:your-organization/crosscloud-mnist:environment:gcp"
  }
  release = { # who the jobs run as
    display_name = "crosscloud-mnist release (gcp)"
    roles        = ["promotes", "serves"]
  }
  caller = {
    display_name = "crosscloud-mnist caller (gcp)"
    roles        = ["queries"]
    issuer       = "https://token.actions.githubusercontent.com"
    audiences    = ["00000000-0000-0000-0000-000000000000"] # your account
    subject      = "repo:your-organization/crosscloud-mnist:environment:gcp-query"
  }
}

bound_workspaces = ["0000000000000000"] # staging's
