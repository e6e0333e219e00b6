"""The page in a real browser: with a pointer, with keys, with files, and on a phone."""

from __future__ import annotations

import base64
import json
import re
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import crosscloud_mnist.serving.http
from crosscloud_mnist.bundle import BundleContents, Golden, TestPredictions, write
from crosscloud_mnist.ports import report_file_name
from rehearsal.mnist_contract import mnist_contract
from tests.accessibility import find_grave_violations

pytestmark = [pytest.mark.browser, pytest.mark.process]
BUILD = Path(__file__).parents[3] / "build"
PAGE = Path(crosscloud_mnist.serving.http.__file__).parent / "page"
IMAGES = "[...document.querySelectorAll('#step-images img')]"
TOKEN = "a-token-of-this-test"
# A 3 in the pad's 280 x 280: two bows, open to the left.
THREE = [
    *((90, 70), (110, 52), (140, 45), (170, 52), (188, 75), (180, 105), (155, 125), (132, 130)),
    *((160, 135), (188, 155), (195, 185), (180, 215), (150, 230), (115, 228), (88, 208)),
]


@pytest.fixture(scope="module")
def digits_bundle(digits, signer, tmp_path_factory):
    """A model that can read: two dense layers, trained here on the UCI digits, in ONNX."""
    from scipy.ndimage import grey_dilation
    from sklearn.neural_network import MLPClassifier

    images, labels = digits["train-images-idx3-ubyte"], digits["train-labels-idx1-ubyte"]
    thick = np.stack([grey_dilation(image, size=(2, 2)) for image in images])
    moved = [np.roll(images, by, axis) for by in (-1, 1) for axis in (1, 2)]
    images = np.concatenate([images, thick, *moved]).reshape(-1, 784)
    model = MLPClassifier((48,), max_iter=8, random_state=0)
    with warnings.catch_warnings(action="ignore"):  # it may stop before it converges
        model.fit(np.float32(images / 255), np.tile(labels, 6))
    onnx = _as_onnx(model)
    test_images, test_labels = digits["t10k-images-idx3-ubyte"], digits["t10k-labels-idx1-ubyte"]
    probabilities = _predict(onnx, test_images)
    predicted = probabilities.argmax(axis=1).astype(np.uint8)
    right = predicted == test_labels
    golden = Golden(test_images[right][:20], test_labels[right][:20], probabilities[right][:20])
    card = {
        "dataset": "uci-digits",
        "dataset_digest": "ab" * 32,
        "git_commit": "cd" * 20,
        "metrics": {"test_accuracy": float(right.mean()), "test_images": len(test_images)},
    }
    tested = TestPredictions("ef" * 32, test_labels, predicted)
    contents = BundleContents(onnx, b"not kept", golden, tested, mnist_contract(), card)
    return write(contents, tmp_path_factory.mktemp("reading") / "bundle", signer)


def _as_onnx(model) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    named = {"scale": np.float32(255)}
    for layer, (weights, offset) in enumerate(
        zip(model.coefs_, model.intercepts_, strict=True), start=1
    ):
        named |= {f"w{layer}": weights.astype(np.float32), f"b{layer}": offset.astype(np.float32)}
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["pixels", "scale"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w1", "b1"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "w2", "b2"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "perceptron",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 28, 28])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in named.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def _predict(onnx: bytes, images: np.ndarray) -> np.ndarray:
    import onnxruntime

    return onnxruntime.InferenceSession(onnx).run(["probabilities"], {"images": images})[0]


@pytest.fixture(scope="module")
def address(start, digits_bundle):
    return start(digits_bundle.folder).address


@pytest.fixture
def page(browser, address):
    """The page, freshly loaded; what the browser complains of fails the test."""
    browser.get(address)
    wait(browser, "return document.querySelectorAll('#lineage dd').length > 3")
    yield browser
    assert browser.get_log("browser") == []


def wait(browser, script: str) -> None:
    until = time.monotonic() + 15
    while not browser.execute_script(script):
        assert time.monotonic() < until, script
        time.sleep(0.05)


def prediction(browser) -> str:
    wait(browser, "return /\\d|[a-z]/.test(document.querySelector('#prediction').textContent)")
    return browser.find_element("id", "prediction").text


def draw(browser, points) -> None:
    from selenium.webdriver import ActionChains

    pad = browser.find_element("id", "pad")
    scale = pad.size["width"] / 280
    places = [((x - 140) * scale, (y - 140) * scale) for x, y in points]
    actions = ActionChains(browser, duration=10)
    actions.move_to_element_with_offset(pad, *places[0]).click_and_hold()
    for place in places[1:]:
        actions.move_to_element_with_offset(pad, *place)
    actions.release().perform()


def test_a_drawn_three_is_predicted(page):
    draw(page, THREE)
    assert prediction(page) == "3"
    meters = page.find_elements("css selector", "[role=meter]")
    shares = [float(meter.get_attribute("aria-valuenow")) for meter in meters]
    assert len(shares) == 10
    assert np.argmax(shares) == 3
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    pixels = page.execute_script(
        "const c = document.getElementById('model-input');"
        "return [...c.getContext('2d').getImageData(0, 0, 28, 28).data]"
    )
    grey = np.reshape(pixels, (28, 28, 4))[:, :, 0]
    assert grey.max() > 200
    assert grey[:3].max() == 0
    BUILD.mkdir(exist_ok=True)
    (BUILD / "page.png").write_bytes(page.get_screenshot_as_png())
    assert Image.open(BUILD / "page.png").size[0] >= 1000


def test_a_three_drawn_with_keys_is_predicted(page):
    from selenium.webdriver import Keys

    pad = page.find_element("id", "pad")
    page.execute_script("arguments[0].focus()", pad)
    up, down, left, right = Keys.ARROW_UP, Keys.ARROW_DOWN, Keys.ARROW_LEFT, Keys.ARROW_RIGHT
    pad.send_keys(left * 5, " ", right * 9, down * 10, left * 7, right * 7, down * 10, left * 10)
    pad.send_keys(" ", up, Keys.ENTER)
    assert prediction(page) == "3"
    pad.send_keys(Keys.ESCAPE)
    assert page.find_element("id", "prediction").text == "\u2013"


def test_the_tab_key_reaches_every_control(page):
    from selenium.webdriver import ActionChains, Keys

    reached = []
    for _ in range(4):
        ActionChains(page).send_keys(Keys.TAB).perform()
        reached.append(page.switch_to.active_element.get_attribute("id"))
    assert reached == ["pad", "predict", "clear", "file"]


def test_an_image_that_is_chosen_or_dropped_is_predicted(page, digits, tmp_path):
    labels = digits["t10k-labels-idx1-ubyte"]
    for digit, how in ((7, "chosen"), (0, "dropped")):
        index = int(np.flatnonzero(labels == digit)[1])
        image = 255 - digits["t10k-images-idx3-ubyte"][index]
        Image.fromarray(image).resize((300, 300)).save(tmp_path / f"{digit}.png")
        if how == "chosen":
            page.find_element("id", "file").send_keys(str(tmp_path / f"{digit}.png"))
        else:
            content = base64.b64encode((tmp_path / f"{digit}.png").read_bytes()).decode()
            page.execute_script(
                "const bytes = Uint8Array.from(atob(arguments[0]), c => c.charCodeAt(0));"
                "const data = new DataTransfer(); data.items.add(new File([bytes], 'x.png'));"
                "document.getElementById('pad').dispatchEvent("
                "new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}))",
                content,
            )
        wait(page, f"return document.getElementById('prediction').textContent === '{digit}'")


def test_the_page_shows_the_version_and_its_lineage(page, digits_bundle):
    assert "mnist_cnn, version 7" in page.find_element("id", "version").text
    lineage = page.find_element("id", "lineage").text
    accuracy = digits_bundle.card()["metrics"]["test_accuracy"]
    for fact in (f"{accuracy:.2%}", "uci-digits", "cd" * 20, digits_bundle.digest):
        assert fact in lineage


@pytest.mark.parametrize("width", [320, 390])
def test_the_page_fits_a_phone(page, width):
    screen = {"width": width, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        page.refresh()
        wait(page, "return document.querySelectorAll('#lineage dd').length > 3")
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        draw(page, THREE)
        assert prediction(page) == "3"
        BUILD.mkdir(exist_ok=True)
        (BUILD / f"page-{width}.png").write_bytes(page.get_screenshot_as_png())
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_an_empty_pad_is_one_line(browser, address):
    browser.get(address)
    browser.find_element("id", "predict").click()
    assert "no digit" in prediction(browser)
    browser.get_log("browser")  # of the 400


def test_the_page_loads_nothing_from_another_host(page, address):
    loaded = page.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert loaded
    assert all(name.startswith(address) for name in loaded), json.dumps(loaded)


def test_axe_finds_nothing_serious_on_the_page(page):
    draw(page, THREE)
    assert prediction(page) == "3"
    page.find_element("css selector", "#steps summary").click()
    wait(page, "return document.querySelectorAll('#step-images img').length === 3")
    assert find_grave_violations(page) == []


def test_the_steps_from_the_file_to_the_models_input_are_shown_when_a_person_opens_them(page):
    draw(page, THREE)
    assert prediction(page) == "3"
    assert page.find_elements("css selector", "#step-images img") == []
    page.find_element("css selector", "#steps summary").click()
    wait(page, f"return {IMAGES}.length === 3 && {IMAGES}.every(image => image.naturalWidth)")
    sizes = page.execute_script(f"return {IMAGES}.map(i => [i.naturalWidth, i.naturalHeight])")
    assert sizes[0] == [256, 256]
    assert sizes[2] == [28, 28]
    texts = [each.text for each in page.find_elements("css selector", "#step-images li")]
    assert texts[1:] == ["The digit that was found", "Scaled for the model"]


@pytest.fixture(scope="module")
def doubtful(start, digits_bundle, tmp_path_factory):
    """An endpoint that is never confident enough, with a report of its release."""
    reports = tmp_path_factory.mktemp("reports")
    name = report_file_name("mnist_cnn", "7", digits_bundle.digest)
    (reports / f"{name}.html").write_text("<title>the report</title>")
    options = {"min_confidence": 1.0, "reports": str(reports)}
    return start(digits_bundle.folder, **options).address


def test_a_person_is_asked_to_check_a_prediction_of_low_confidence(browser, doubtful, page):
    draw(page, THREE)
    assert prediction(page) == "3"
    confidence = page.execute_script("return document.getElementById('review').textContent")
    assert confidence == ""
    browser.get(doubtful)
    wait(browser, "return document.querySelectorAll('#lineage dd').length > 3")
    draw(browser, THREE)
    assert prediction(browser) == "3"
    assert "below 100%: a person should check" in browser.find_element("id", "review").text


def test_the_page_links_the_report_of_its_release(browser, doubtful, page):
    assert not page.find_element("id", "report").is_displayed()
    browser.get(doubtful)
    wait(browser, "return !document.getElementById('report').hidden")
    link = browser.find_element("id", "report")
    assert link.get_attribute("href") == f"{doubtful}/report?language=en"
    link.click()
    wait(browser, "return document.title === 'the report'")


def test_the_page_is_portuguese_where_the_browser_is(browser, address):
    agent = browser.execute_script("return navigator.userAgent")
    override = {"userAgent": agent, "acceptLanguage": "pt-BR"}
    browser.execute_cdp_cmd("Network.setUserAgentOverride", override)
    try:
        browser.get(address)
        wait(browser, "return document.querySelectorAll('#lineage dd').length > 3")
        assert browser.execute_script("return document.documentElement.lang") == "pt-BR"
        text = browser.find_element("tag name", "body").text
        assert "Desenhe um dígito" in text
        draw(browser, THREE)
        assert prediction(browser) == "3"
        assert "%" in browser.find_element("css selector", "#probabilities .predicted").text
        assert "," in browser.find_element("css selector", "#probabilities .predicted").text
        BUILD.mkdir(exist_ok=True)
        (BUILD / "page-pt.png").write_bytes(browser.get_screenshot_as_png())
    finally:
        browser.execute_cdp_cmd("Network.setUserAgentOverride", {"userAgent": agent})


def test_every_text_of_the_page_has_both_languages():
    messages = (PAGE / "messages.js").read_text(encoding="utf-8")
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    script = (PAGE / "page.js").read_text(encoding="utf-8")
    keys = set(re.findall(r"^  (\w+): \{", messages, re.MULTILINE))
    assert (
        len(re.findall(r"\ben:", messages)) == len(re.findall(r"\bpt:", messages)) == len(keys) + 1
    )
    used = set(re.findall(r'data-(?:message|label)="(\w+)"', page))
    used |= set(re.findall(r'message\("(\w+)"', script))
    assert used <= keys


def test_the_page_prompts_for_a_token_where_one_is_set(browser, start, digits_bundle):
    browser.get(start(digits_bundle.folder, token=TOKEN).address)
    wait(browser, "return !document.getElementById('token-row').hidden")
    field = browser.find_element("id", "token")
    field.send_keys(TOKEN, "\t")
    wait(browser, "return document.querySelectorAll('#lineage dd').length > 3")
    draw(browser, THREE)
    assert prediction(browser) == "3"
    assert TOKEN not in browser.page_source
    browser.get_log("browser")  # of the 401
