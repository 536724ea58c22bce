"""The body of an order is the API's, to the letter."""

from __future__ import annotations

from batchdub.wire import generate_body

EXAMPLE = (
    "dub-episode-42",
    "https://cdn.example.com/episodes/42.mp4",
    "https://cdn.example.com/dubs/42-japanese.wav",
)


def test_the_api_references_own_example_gives_its_json_body():
    """A field too many could be refused, or, worse, understood."""
    assert generate_body(*EXAMPLE, False) == {
        "inputs": [
            {"type": "video", "url": "https://cdn.example.com/episodes/42.mp4"},
            {"type": "audio", "url": "https://cdn.example.com/dubs/42-japanese.wav"},
        ],
        "reference_id": "dub-episode-42",
    }


def test_speaker_detection_is_named_only_when_it_is_switched_off():
    """False is the API's default."""
    assert generate_body(*EXAMPLE, True)["disable_active_speaker_detection"] is True


def test_a_signed_link_is_sent_whole():
    """Its query string is what opens the file."""
    link = "https://cdn.example.com/v.mp4?X-Amz-Signature=ab%2Fcd"
    assert generate_body("a", link, link, False)["inputs"][0]["url"] == link
