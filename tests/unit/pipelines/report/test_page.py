"""The page: complete in itself, in both languages, with the figures of the release."""

from __future__ import annotations

import base64
import re

import pytest

from crosscloud_mnist.pipelines.report.figures import draw_figures
from crosscloud_mnist.pipelines.report.nodes import name_page, publish_report
from crosscloud_mnist.pipelines.report.page import measure_latency, render_page
from crosscloud_mnist.promotion.smoke_test_report import ImageRow
from crosscloud_mnist.serving.http.report import open_in_portuguese

pytestmark = pytest.mark.slow  # each draws and renders a whole page


@pytest.fixture
def page(evidence, smoke_test, parameters):
    return render_page(evidence, smoke_test, draw_figures(evidence), parameters)


def to_text(page: str, language: str) -> str:
    """The page's text in one language."""
    other = {"en": "pt-BR", "pt-BR": "en"}[language]
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    body = re.sub(rf'<span lang="{other}">.*?</span>', "", body, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_the_page_refers_to_nothing_outside_of_it(page):
    sources = re.findall(r'\bsrc="([^"]*)"', page)
    assert sources
    assert all(source.startswith("data:") for source in sources)
    assert re.findall(r'<link[^>]*href="([^"]*)"', page) == ["data:,"]
    assert "default-src 'none'" in page
    for forbidden in ("<script", "url(", "@import", "<iframe", "srcset"):
        assert forbidden not in page


def test_the_endpoint_opens_it_in_either_language(page):
    def find_choice(page: str) -> list[str]:
        return re.findall(r'<input type="radio" name="language" id="(\w+)" checked>', page)

    assert find_choice(page) == ["en"]
    assert find_choice(open_in_portuguese(page)) == ["pt"]


def test_every_link_inside_the_page_has_a_target(page):
    targets = re.findall(r'href="#([^"]+)"', page)
    assert len(targets) == 11
    assert all(f'id="{target}"' in page for target in targets)


def test_the_figures_of_the_release_stand_in_both_languages(page, registry):
    english, portuguese = to_text(page, "en"), to_text(page, "pt-BR")
    for text, facts in (
        (english, ("Model report: mnist_cnn, version 2", "98.00%", "33.25", "353 of 360")),
        (portuguese, ("Relatório do modelo: mnist_cnn, versão 2", "98,00%", "33,25")),
    ):
        for fact in facts:
            assert fact in text
    assert (
        "Accuracy on the test set: 98.00%; of that champion on its own test set: 97.50%" in english
    )
    assert "median 3.0 ms, 95th percentile 3.9 ms, longest 4.0 ms" in english
    assert "2 of 2 images" in english
    assert "minimum accuracy 0.98 0.97 passed" in english
    assert "acurácia mínima 0,98 0,97 aprovado" in portuguese
    assert "1,234 images in 3 s" in english
    assert registry.version.digest in english
    assert '<a href="https://sandbox/runs/run-1">run-1</a>' in page


def test_every_figure_is_drawn_for_each_language(evidence):
    figures = draw_figures(evidence)
    assert set(figures) == {"learning_curves", "confusion_matrix", "reliability"}
    for by_language in figures.values():
        assert set(by_language) == {"en", "pt"}
        assert by_language["en"] != by_language["pt"]
        assert by_language["en"].startswith("data:image/svg+xml;base64,")
    assert figures == draw_figures(evidence)


def test_the_axes_are_written_as_each_language_does(evidence):
    def ticks(source: str) -> set[str]:
        svg = base64.b64decode(source.rpartition(",")[2]).decode()
        return set(re.findall(r">(\d+[.,]\d+)</text>", svg))

    for name in ("learning_curves", "reliability"):
        sources = draw_figures(evidence)[name]
        assert any("." in tick for tick in ticks(sources["en"]))
        assert {tick.replace(".", ",") for tick in ticks(sources["en"])} == ticks(sources["pt"])


def test_a_name_from_outside_is_escaped(page):
    assert "&lt;b&gt;.png" in page
    assert "<b>.png" not in page


def test_an_image_that_was_not_sent_has_no_time():
    unread = ImageRow(
        file="a",
        expected=None,
        expected_class=None,
        predicted=None,
        predicted_class=None,
        probability=None,
        seconds=None,
        error="unreadable",
    )
    assert measure_latency([unread]) is None
    assert measure_latency([unread, {**unread, "seconds": 0.5}]) == {
        "requests": 1,
        "median": 500.0,
        "p95": 500.0,
        "longest": 500.0,
    }


def test_the_page_is_logged_and_linked_from_the_version(page, registry):
    published = publish_report(registry, registry.version, page)
    assert registry.pages == [page]
    assert registry.tags == {"report": "https://production/run"}
    name = f"mnist_cnn-2-{registry.version.digest[:12]}"
    assert published["file"] == f"{name}.html"
    assert name_page(registry.version, page) == {name: page}
