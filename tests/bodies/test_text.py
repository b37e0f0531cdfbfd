"""The text that is extracted from bodies, and the limits that hold for hostile ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import limits
from sidecar.bodies.text import spaced, text_of
from tests.bodies.test_nodes import FLOWISE, LANGFLOW, N8N, NODE_RED, SIM


@pytest.mark.parametrize(
    ("body", "extracted"),
    [
        (N8N, ["Ask", "asks politely", "https://example.com", "Flow"]),
        (NODE_RED, ["Ask", "http request"]),
        (FLOWISE, ["Chat Model", "chatOpenAI chat Open AI"]),
        (LANGFLOW, ["Question", "Answer {q}", "Builds a prompt."]),
        (SIM, ["Writer", "Write"]),
        ({"anything": [{"goes": "some words"}]}, ["some words"]),
    ],
)
def test_names_prompts_and_notes_are_extracted_whatever_the_tool(
    body: Any, extracted: list[str]
) -> None:
    lines = text_of(body).split("\n")

    assert [each for each in extracted if each not in lines] == []


def test_a_kind_is_found_whole_and_by_its_words() -> None:
    assert "n8n-nodes-base.httpRequest n8n nodes base http Request" in text_of(N8N)


@pytest.mark.parametrize(
    "noise",
    [
        "d654e5ee-35e0-4b1c-8799-0123456789ab",
        "data:image/png;base64,AAAA",
        "data:;base64,AAAA",
        "QUJD" * 30,
        "deadbeefdeadbeef00",
        "12:30",
        "x",
    ],
)
def test_encoded_and_generated_values_are_left_out(noise: str) -> None:
    assert text_of({"nodes": [{"name": "N", "parameters": {"value": noise}}]}) == "N"


def test_members_made_by_tools_for_tools_are_left_out() -> None:
    node = {"name": "N", "parameters": {"id": "words here", "credentials": {"api": "words too"}}}

    assert text_of({"nodes": [node], "edges": [{"label": "nor these"}]}) == "N"


def test_a_prompt_that_begins_with_the_word_data_is_no_file() -> None:
    assert text_of(["data: the words of a prompt"]) == "data: the words of a prompt"


@pytest.mark.parametrize("key", ["source", "target", "image"])
def test_text_in_a_member_for_references_is_extracted(key: str) -> None:
    def extracted(value: Any) -> str:
        return text_of({"links": [{key: value}]})

    assert [extracted(text) for text in ("a barn at dusk", "Wikipedia", "\u4f1a\u8b70")] == [
        "a barn at dusk",
        "Wikipedia",
        "\u4f1a\u8b70",
    ]
    references = ("node_1", "ChatInput-a1B2c", "n8n/image:latest", {"id": "words here"})
    assert [extracted(reference) for reference in references] == ["", "", "", ""]


def test_a_repeated_string_occurs_once_in_the_text() -> None:
    assert text_of(["same words"] * 50) == "same words"


def test_text_is_bounded_in_each_string_and_in_all() -> None:
    long = text_of({"nodes": [{"parameters": {"text": "word " * 100_000}}]})
    many = text_of([f"number {number} of many" for number in range(20_000)])

    assert len(long) == limits.BODY_STRING_MAX_CHARS
    assert len(many) < limits.BODY_TEXT_MAX_CHARS * 1.1


def test_scripts_without_spaces_are_taken_apart() -> None:
    assert spaced("a\u4f1a\u8b70b").split() == ["a", "\u4f1a", "\u8b70", "b"]
    assert spaced("plain") == "plain"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["nodes", "data", "state", "blocks", "name", "id", "inputs", "node", "template"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(body=JSON)
def test_any_json_has_some_text(body: Any) -> None:
    assert isinstance(text_of(body), str)
