# The sandbox: trains. It reaches no other workspace; staging pulls from it.
account_host     = "https://accounts.azuredatabricks.net"
account_id       = "00000000-0000-0000-0000-000000000000" # your account
catalog          = "data_masters"
schema           = "train"
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
    roles        = ["trains"]
  }
  pull = { # staging reads as this principal, with an OAuth secret in its scope
    display_name = "crosscloud-mnist pull (azure)"
    roles        = ["reads"]
  }
}

signing_reader = "train"
