import pytest

from classifier.serving import origins

HOST = "127.0.0.1:7860"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost:7860", "localhost"),
        ("LOCALHOST", "localhost"),
        ("[::1]:7860", "::1"),
        ("evil.example:7860", "evil.example"),
        ("localhost@evil.example", "evil.example"),
        ("[::1", ""),
        ("", ""),
    ],
)
def test_the_name_in_a_host_header(header, name):
    assert origins.host_name(header) == name


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({}, False),  # a program
        ({"Sec-Fetch-Site": "same-origin", "Origin": f"http://{HOST}"}, False),
        ({"Sec-Fetch-Site": "none"}, False),  # a reload
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:3000"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": f"http://{HOST}"}, True),
        ({"Origin": f"http://{HOST}"}, False),
        ({"Origin": "http://127.0.0.1:3000"}, True),
        ({"Origin": "https://evil.example"}, True),
        ({"Origin": "null"}, True),  # a file, or a frame in a sandbox
    ],
)
def test_only_a_page_of_another_site_is_cross_site(headers, refused):
    assert origins.is_cross_site({"Host": HOST, **headers}) == refused
