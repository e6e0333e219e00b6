"""The pipelines, one package each: ``nodes.py`` is what is done, ``pipeline.py`` in which order."""
