# Databricks notebook source
# %% [markdown]
# # Train
#
# In the sandbox: `ingest_mnist` and `train_distributed`. The last cell shows the URI of the logged
# model, which `02_release` takes.
#
# The environment is `base` on a laptop and `azure` on Databricks: a Dedicated cluster of the ML
# runtime with a fixed number of workers, the wheel with its extras `[train,databricks]`, and
# `MNIST_SIGNING_KEY` and `MNIST_VERIFYING_KEY`.

# %%
# COMMAND ----------
from crosscloud_mnist.__main__ import main

ENVIRONMENT = "base"
PARAMS = "train_distributed.recipe=compact"

# %%
# COMMAND ----------
outputs = main(
    [
        "--pipelines=train",
        f"--env={ENVIRONMENT}",
        "--conf-source=../conf",
        f"--params={PARAMS},register_remote.model=last_trained",  # shown by the last cell
    ]
)

# %%
# COMMAND ----------
outputs["model_uri"].load()
