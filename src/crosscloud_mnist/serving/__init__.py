"""The local endpoint: the laptop's and the on-premises stand-in for Model Serving."""
