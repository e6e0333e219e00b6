"""Kedro-Viz as a static site, and the picture of a pipeline, drawn from it in a browser.

    python -m documentation.kedro_viz_site

writes ``build/viz`` and ``docs/pipeline.png``.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PICTURE = PROJECT / "docs" / "pipeline.png"
_PIPELINE = "train"
_WINDOW = (1050, 1500)  # width and height
_SCALE = 1.5  # pixels of the picture for one of the window
_MARGIN = 16  # around the nodes, in pixels of the window
_SETTINGS = json.dumps(
    {
        "theme": "light",
        "orientation": "vertical",
        "showFeatureHints": False,
        "visible": {"sidebar": False, "miniMap": False},
    }
)
# The corners of what is drawn: nodes and the names of the layers.
_BOUNDS = """
const parts = [...document.querySelectorAll(".pipeline-node, .pipeline-layer-name")];
const boxes = parts.map(each => each.getBoundingClientRect());
return [
    Math.min(...boxes.map(box => box.left)), Math.min(...boxes.map(box => box.top)),
    Math.max(...boxes.map(box => box.right)), Math.max(...boxes.map(box => box.bottom)),
];
"""
_ANIMATION_SECONDS = 3
_TIMEOUT_SECONDS = 60


def main() -> int:
    """Build the site, then draw the picture."""
    site = build_site(PROJECT)
    with serve(site) as address:
        draw(address, _PIPELINE, PICTURE)
    sys.stdout.write(f"{site}/index.html, and {PICTURE}\n")
    return 0


def build_site(project: Path) -> Path:
    """Build the static site of a project, with previews of the data that exist; return its folder.

    Raises:
        RuntimeError: Kedro-Viz did not build it; its exit status is 0 all the same.
    """
    built = project / "build"  # Kedro-Viz writes there, beside the files of others
    site = built / "viz"
    for path in (site, *(built / name for name in _files())):
        shutil.rmtree(path, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"],
        cwd=project,
        check=True,
    )
    if not (built / "api" / "main").is_file():
        raise RuntimeError(f"{built} has no api/main, expected it of kedro viz build; see above")
    site.mkdir()
    for name in _files():
        shutil.move(built / name, site / name)
    return site


def _files() -> list[str]:
    """Return the names that Kedro-Viz writes into the folder ``build``: its own, and the data."""
    import kedro_viz

    html = Path(kedro_viz.__file__).parent / "html"
    return ["api", *sorted(path.name for path in html.iterdir())]


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
        """Log nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; yield the address."""
    handler = partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def draw(address: str, pipeline: str, path: Path) -> None:
    """Draw a pipeline as Kedro-Viz shows it, cut to its nodes and the names of its layers."""
    from PIL import Image
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    size = f"--window-size={_WINDOW[0]},{_WINDOW[1]}"
    scale = f"--force-device-scale-factor={_SCALE}"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", size, scale):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        browser.get(f"{address}/favicon.ico")  # of the same origin, before Kedro-Viz saves its own
        browser.execute_script("localStorage.setItem('KedroViz', arguments[0])", _SETTINGS)
        browser.get(f"{address}/?pid={pipeline}")
        WebDriverWait(browser, _TIMEOUT_SECONDS).until(
            lambda each: each.find_elements(By.CSS_SELECTOR, ".pipeline-node")
        )
        time.sleep(_ANIMATION_SECONDS)
        left, top, right, bottom = browser.execute_script(_BOUNDS)
        corners = (left - _MARGIN, top - _MARGIN, right + _MARGIN, bottom + _MARGIN)
        picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
        picture = picture.crop(tuple(round(corner * _SCALE) for corner in corners))
        picture.quantize(64).save(path, optimize=True)
    finally:
        browser.quit()


if __name__ == "__main__":
    sys.exit(main())
