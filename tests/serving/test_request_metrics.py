import re

from classifier.serving.request_metrics import BUCKETS, RequestMetrics

LINE = re.compile(r'[a-z_]+(\{[a-z]+="([^"\\\n]|\\[\\"n])*"(,[a-z]+="([^"\\\n]|\\.)*")*\})? \S+')


def filled() -> str:
    metrics = RequestMetrics()
    for seconds in (0.005, 0.01, 0.3, 99.0):
        metrics.count_request("/classify", 200, seconds)
    metrics.count_request("/", 404, 0.5)
    metrics.count_image("ok", 'a "cat"\n\\')
    metrics.count_image("truncated")
    return metrics.text({"open_requests": ("Requests.", 3)})


def test_every_line_has_the_form_that_prometheus_reads():
    lines = filled().splitlines()
    assert all(line.startswith(("# HELP classifier_", "# TYPE classifier_")) or LINE.fullmatch(line)
               for line in lines)  # fmt: skip
    assert "classifier_open_requests 3" in lines


def test_images_are_counted_by_prediction_and_by_problem():
    text = filled()
    assert r'classifier_predictions_total{predicted="a \"cat\"\n\\"} 1' in text
    assert 'classifier_images_total{status="truncated"} 1' in text
    assert 'classifier_requests_total{path="/",status="404"} 1' in text


def test_a_bucket_counts_the_requests_that_took_no_longer():
    pattern = r'seconds_bucket\{path="/classify",le="(.*)"\} (\d+)'
    counts = dict(re.findall(pattern, filled()))
    assert (counts["0.01"], counts["0.25"], counts["0.5"], counts["+Inf"]) == ("2", "2", "3", "4")
    assert len(counts) == len(BUCKETS) + 1
    assert 'classifier_request_seconds_sum{path="/classify"} 99.315000' in filled()
