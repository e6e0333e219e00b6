"""Sphinx's configuration: https://www.sphinx-doc.org/en/master/usage/configuration.html."""

import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))

project = "crosscloud-mnist"
author = "crosscloud-mnist"
copyright = "Apache-2.0"  # noqa: A001  Sphinx's name
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "documentation.sphinx_extension",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "crosscloud-mnist"
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_copy_source = False
html_show_sphinx = False

# Links to headings, as GitHub makes them.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_mock_imports = ["tensorflow", "keras", "tf2onnx"]
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # the fields of a dataclass are described once
