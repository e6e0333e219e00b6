# Databricks notebook source
# %% [markdown]
# # Request
#
# From any machine that reaches the endpoint: images of the catalog in, digits out. Address, version
# and credentials come from the configuration. Put images into `data/01_raw/images`; without any,
# the samples of the package are sent.
#
# The environment is `base` for the endpoint on this machine, and `gcp` for production
# (`DATABRICKS_HOST`, and one of the ways to sign in).

# %%
# COMMAND ----------
from kedro.framework.project import configure_project
from kedro.framework.session import KedroSession

from crosscloud_mnist.preprocessing import to_model_input

ENVIRONMENT = "base"

# %%
# COMMAND ----------
configure_project("crosscloud_mnist")
with KedroSession.create(env=ENVIRONMENT, conf_source="../conf") as session:
    catalog = session.load_context().catalog
    endpoint, images = catalog.load("endpoint"), catalog.load("images")

# %%
# COMMAND ----------
{
    name: int(endpoint.predict(to_model_input(load())[None]).argmax())
    for name, load in images.items()
}
