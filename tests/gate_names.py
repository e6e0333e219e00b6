"""The names of the gates, read from the source."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from crosscloud_mnist.promotion import gates


def list_gates() -> set[str]:
    """Return the name of every gate of ``promotion.gates``."""
    tree = ast.parse(Path(gates.__file__).read_text(encoding="utf-8"))
    first = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_gate"
    ]
    names = {str(argument.value) for argument in first if isinstance(argument, ast.Constant)}
    return names | set(re.findall(r"^    name = '(.+)'$", ast.unparse(tree), re.MULTILINE))
