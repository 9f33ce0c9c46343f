import json
import re

from classifier.serving import openapi
from tests.serving.test_web_page import EVIL, Elements


def test_every_reference_of_the_document_leads_to_a_schema():
    document = openapi.document(["cat", "dog"], "1")
    references = re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document))
    assert set(references) == set(document["components"]["schemas"])
    assert set(document["paths"]) == {"/classify", "/healthz", "/metrics"}


def test_the_page_names_every_status_and_loads_nothing_from_elsewhere():
    page = openapi.page(openapi.document([EVIL], "1"), "http://127.0.0.1:7860")
    assert all(f">{status}</th>" in page for status in openapi.REFUSALS)
    assert re.findall(r'(?:src|href)="(.*?)"', page) == ["data:,", "/style.css", "/openapi.json"]
    assert "script" not in Elements(page).names
