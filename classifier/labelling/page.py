"""The page of `python -m classifier label`; its script fills it."""

from pathlib import Path

from classifier.html.markup import Markup, document, tag

TITLE = "Label images"
STYLE, SCRIPT = (Path(__file__).with_suffix(suffix) for suffix in (".css", ".js"))
POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
TABS = {"group": "Groups", "image": "One by one", "finding": "Findings"}


def page() -> Markup:
    """Returns the whole document."""
    tabs = (tag("button", name, type="button", id=f"tab-{kind}") for kind, name in TABS.items())
    header = tag("header", tag("h1", TITLE), tag("div", *tabs, class_="tabs"))
    figures = tag(
        "div",
        tag("p", "Reading the labels", id="numbers", role="status"),
        tag("div", id="curve"),
        class_="numbers",
    )
    main = tag(
        "main",
        figures,
        tag("p", id="learning", class_="warning", role="alert", hidden=True),
        tag("p", id="problem", class_="warning", role="alert", hidden=True),
        tag("p", id="question"),
        tag("div", id="images"),
        tag("div", tag("div", id="answers"), tag("div", id="actions"), id="panel"),
        tag("noscript", tag("p", "This page needs JavaScript.", class_="warning")),
    )
    dialogs = _naming(), tag("dialog", tag("img", alt="", id="large"), id="zoom")
    return document(TITLE, header, main, *dialogs)


def _naming() -> Markup:
    return tag(
        "dialog",
        tag(
            "form",
            tag("label", "Class", for_="name"),
            tag("input", id="name", list="names", autocomplete="off", maxlength=100),
            tag("datalist", id="names"),
            tag("button", "Label", type="submit"),
            tag("button", "Cancel", type="button", id="cancel"),
            method="dialog",
        ),
        id="naming",
    )
