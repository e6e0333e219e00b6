# The sandbox: trains, and pushes to gcp.
account_host     = "https://accounts.azuredatabricks.net"
account_id       = "00000000-0000-0000-0000-000000000000" # your account
catalog          = "data_masters"
schema           = "train"
registered_model = "mnist_cnn"
node_type_gpu    = "Standard_NC6s_v3"
node_type_cpu    = "Standard_DS3_v2"
node_type_small  = "Standard_DS3_v2"

identities = {
  deliver = {
    display_name = "crosscloud-mnist deliver (azure)"
    roles        = ["delivers"]
    issuer       = "https://token.actions.githubusercontent.com"
    audiences    = ["00000000-0000-0000-0000-000000000000"] # your account
    subject      = "repo:your-organization/crosscloud-mnist:environment:azure"
  }
  train = { # who the jobs run as
    display_name = "crosscloud-mnist train (azure)"
    roles        = ["trains", "promotes"]
  }
}

remote_scope = {
  scope  = "data_masters_gcp"
  prefix = "data_masters_deploy"
  reader = "train"
}

signing_reader = "train"
