# Databricks notebook source
# %% [markdown]
# # Release
#
# In production: `register_remote` pulls the model from the sandbox and checks it, `deploy` serves
# the registered version and `smoke_test` sends it images. If a check fails, the cell fails and says
# why.
#
# The environment is `base` on a laptop and `gcp` on Databricks: the wheel with its extra
# `[databricks]`, and `MNIST_VERIFYING_KEY`. The model is the URI that `01_train` shows; in `base`,
# also `last_trained`.

# %%
# COMMAND ----------
from kedro.framework.session import KedroSession

from crosscloud_mnist.__main__ import main

ENVIRONMENT = "base"
MODEL = "last_trained"

# %%
# COMMAND ----------
main(
    [
        "--pipelines=release",
        f"--env={ENVIRONMENT}",
        "--conf-source=../conf",
        f"--params=register_remote.model={MODEL}",
    ]
)

# %%
# COMMAND ----------
with KedroSession.create(env=ENVIRONMENT, conf_source="../conf") as session:
    catalog = session.load_context().catalog
catalog.load("smoke_test_report")
