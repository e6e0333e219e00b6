"""Datasets that the catalog needs and that neither kedro-datasets nor kedro-mlflow has."""
