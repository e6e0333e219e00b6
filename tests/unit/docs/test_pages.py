"""The pages of the documentation: links, fences, and the Portuguese README."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from documentation.shell_blocks import find_pages, read_blocks

PROJECT = Path(__file__).parents[3]
PORTUGUESE = PROJECT / "README.pt-BR.md"
PAGES = [*find_pages(PROJECT), PORTUGUESE]
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r"https://[\w.-]+\.\w+|http://127\.0\.0\.1:\d+")


def links_of(page):
    text = CODE.sub("", page.read_text())
    return re.findall(r"\]\(([^)]*)\)", text) + re.findall(r"<(https?:[^>]*)>", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_are_well_formed_and_lead_to_files_that_exist(page):
    for link in links_of(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert ADDRESS.fullmatch(f"{parts.scheme}://{parts.netloc}"), link
            assert not re.search(r"\s", link)
        elif not parts.path.startswith("generated/"):
            assert (page.parent / parts.path).exists(), link


def test_every_fenced_block_names_its_language():
    unnamed = [block for block in read_blocks(PROJECT) if not block.language]
    assert [f"{block.page}:{block.line}" for block in unnamed] == []


def test_a_block_that_is_not_run_says_why_in_a_sentence():
    reasons = {block.reason for block in read_blocks(PROJECT) if block.reason}
    assert reasons
    assert [reason for reason in reasons if len(reason.split()) < 4] == []


def test_a_test_that_runs_a_block_in_place_of_this_one_exists():
    blocks = [block for block in read_blocks(PROJECT) if block.reason]
    named = [path for block in blocks for path in re.findall(r"tests/[\w/.]+\w", block.reason)]
    assert named
    assert [path for path in named if not (PROJECT / path).exists()] == []


def shell_of(page):
    return re.findall(r"^```bash\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def test_the_portuguese_readme_has_the_commands_the_links_and_the_inline_code_of_the_english_one():
    english = PROJECT / "README.md"
    assert shell_of(PORTUGUESE) == shell_of(english) != []
    other = {"README.pt-BR.md", "README.md"}
    assert {*links_of(PORTUGUESE)} - other == {*links_of(english)} - other
    code = [{*re.findall(r"`([^`\n]+)`", page.read_text())} for page in (PORTUGUESE, english)]
    assert code[0] == code[1]
