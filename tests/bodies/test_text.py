"""The text that is extracted from bodies, and the limits that hold for hostile ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import limits
from sidecar.bodies.text import BodyText, text_of
from tests.bodies.made_documents import COMFYUI_API, FLOWISE, LANGFLOW, N8N, NODE_RED, SIM


def lines_of(body: Any) -> list[str]:
    return text_of(body).text.split("\n")


@pytest.mark.parametrize(
    ("body", "extracted"),
    [
        (N8N, ["Ask", "asks politely", "https://example.com", "Invoices", "httpRequest"]),
        (NODE_RED, ["Nightly", "http request", "Waters at night."]),
        (FLOWISE, ["Chat Model", "chatOpenAI", "chat Open AI"]),
        (LANGFLOW, ["Question", "Answer {q}", "Builds a prompt."]),
        (SIM, ["Agent", "Be kind."]),
        (COMFYUI_API, ["Sample", "Checkpoint Loader", "7"]),
        ({"anything": [{"goes": "some words"}]}, ["some words"]),
    ],
)
def test_names_prompts_and_notes_are_extracted_whatever_the_tool(
    body: Any, extracted: list[str]
) -> None:
    text = "\n".join(lines_of(body))

    assert [each for each in extracted if each not in text] == []


def test_a_kind_is_extracted_whole_and_by_its_words() -> None:
    lines = lines_of(N8N)

    assert "n8n-nodes-base.httpRequest" in lines
    assert "n8n-nodes-base.http Request" in lines


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (8080, "8080"),
        (0.7, "0.7"),
        ("10.0.0.17", "10.0.0.17"),
        ("0 9 * * 1-5", "0 9 * * 1-5"),
        ("12:30", "12:30"),
        ("-1001234567890", "-1001234567890"),
        ("\u662f", "\u662f"),
        ("6f0bd7a8-1111-4222-8333-944445555666", "6f0bd7a8-1111-4222-8333-944445555666"),
    ],
)
def test_what_a_person_types_without_letters_is_extracted(value: object, line: str) -> None:
    document = {"nodes": [{"name": "N", "type": "t", "parameters": {"value": value}}]}

    assert line in lines_of(document)


@pytest.mark.parametrize(
    "noise",
    ["data:image/png;base64,AAAA", "data:;base64,AAAA", "QUJD" * 30, "deadbeefdeadbeef00", True],
)
def test_encoded_and_generated_values_are_left_out(noise: object) -> None:
    assert text_of({"nodes": [{"name": "N", "parameters": {"value": noise}}]}).text == "N"


def test_members_made_by_tools_for_tools_are_left_out() -> None:
    node = {"name": "N", "parameters": {"id": "a1B2"}, "position": [10, 20], "typeVersion": 4}

    assert text_of({"nodes": [node], "connections": {"N": "nor these"}}).text == "N"


def test_names_of_credentials_and_labels_of_edges_are_extracted() -> None:
    node = {"name": "N", "credentials": {"slackApi": {"id": "17", "name": "Acme Slack bot"}}}
    edge = {"source": "a", "target": "b", "label": "if it is paid", "data": {"label": "or not"}}

    assert lines_of({"nodes": [node], "edges": [edge]}) == [
        "N", "Acme Slack bot", "if it is paid", "or not",
    ]  # fmt: skip


def test_keys_and_ids_that_name_a_step_are_extracted_from_documents_of_no_known_tool() -> None:
    by_key = {"definition": {"actions": {"Terminate_quota": {"type": "Terminate"}}}}
    by_id = {"tasks": [{"id": "load_orders", "type": "log"}, {"id": "a1B2c3"}]}

    assert lines_of(by_key) == ["Terminate_quota", "Terminate"]
    assert lines_of(by_id) == ["load_orders", "log"]


def test_a_prompt_that_begins_with_the_word_data_is_no_file() -> None:
    assert text_of(["data: the words of a prompt"]).text == "data: the words of a prompt"


@pytest.mark.parametrize("key", ["source", "target", "image"])
def test_text_in_a_member_for_references_is_extracted(key: str) -> None:
    def extracted(value: Any) -> str:
        return text_of({"links": [{key: value}]}).text

    texts = ("a barn at dusk", "Wikipedia", "\u4f1a\u8b70")
    assert [extracted(text) for text in texts] == [*texts]
    references = ("node_1", "ChatInput-a1B2c", "n8n/image:latest", 17)
    assert [extracted(reference) for reference in references] == ["", "", "", ""]


def test_a_repeated_string_occurs_once_in_the_text() -> None:
    assert text_of(["same words"] * 50) == BodyText("same words", truncated=False)


def test_the_end_of_a_long_string_is_extracted() -> None:
    assert text_of(["lorem ipsum " * 10_000 + "zyxmark"]).text.endswith("zyxmark")


def test_text_past_the_bound_is_left_out_and_told() -> None:
    long = text_of({"nodes": [{"parameters": {"text": "word " * 100_000}}]})
    many = text_of([f"number {number} of many" for number in range(20_000)])
    values = text_of([[number] for number in range(limits.BODY_VALUES_MAX)])

    assert (len(long.text), long.truncated) == (limits.BODY_TEXT_MAX_CHARS, True)
    assert (len(many.text) < limits.BODY_TEXT_MAX_CHARS * 1.1, many.truncated) == (True, True)
    assert values.truncated


HOSTILE = ["a" * 65_536, "aA" * 32_768, "a_" * 32_768, "A" * 65_535 + "!", "0" * 65_535 + "x"]


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:4] for text in HOSTILE])
def test_hostile_text_is_extracted_in_time_that_grows_with_its_length(text: str) -> None:
    """A pattern that is not linear would take minutes, more than the limit of a test."""
    extracted = text_of({"nodes": [{"id": text, "name": text, "type": text, "data": text}]})

    assert len(extracted.text) <= 4 * len(text)


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
    assert isinstance(text_of(body), BodyText)
