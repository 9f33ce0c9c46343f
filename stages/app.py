"""A page to drop pictures on and see their classes: `python -m stages.app --help`.

Reads   models/base, models/head, results/train.npz, and input for the pictures shown
Writes  nothing; what is uploaded is gone when it stops
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages import base, features, head, images, params, predictions, showcase, thumbnails
from stages.classifier import Classifier, Judged
from stages.errors import StageError, run
from stages.limits import Costs, Limits
from stages.markup import join, tag
from stages.pictures import Given
from stages.resemblance import Resemblance, Resembling
from stages.showcase import Answer, Like

if TYPE_CHECKING:
    import gradio

TITLE = "What does this picture show?"
LOCAL = "127.0.0.1"
MOST = 50  # pictures at once; `classify` is for more
LIKE = 6  # training pictures shown beside each
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}


def arguments() -> argparse.Namespace:
    """Returns what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.app",
        description="Open a page to drop pictures on and see which classes they are of.",
        epilog="Without --host only this machine can reach the page. It has no password.",
    )
    parser.add_argument("--host", default=LOCAL, help=f"address to listen at; {LOCAL}")
    parser.add_argument("--port", type=int, default=7860, help="7860; 0: any that is free")
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    return parser.parse_args()


def library() -> Any:
    """Returns Gradio, which then sends nothing anywhere.

    Raises:
        StageError: it is not installed.
    """
    os.environ.update(QUIET)
    try:
        import gradio
    except ImportError:
        raise StageError(
            "python -m stages.app: needs the package gradio; run `pip install gradio`"
        ) from None
    return gradio


class Desk:
    """Answers what the page asks.

    Args:
        classifier: that names the classes.
        resemblance: to training pictures; None where their features are not at hand.
        limits: what a picture may cost.
        top_k: classes said of a picture.
    """

    def __init__(
        self,
        classifier: Classifier,
        resemblance: Resemblance | None,
        limits: Limits,
        top_k: int,
    ) -> None:
        self._classifier, self._resemblance = classifier, resemblance
        self._limits, self._top_k = limits, min(top_k, len(classifier.class_names))

    def answer(self, files: Sequence[str] | None) -> str:
        """Returns the page's part about files that were dropped, as HTML."""
        if not files:
            return ""
        judged = self._classifier.judge(map(Given, files[:MOST]))
        said = showcase.cards([self._answer(one) for one in judged])
        if len(files) > MOST:
            more = (
                f"These are {MOST} of {len(files):,}; `python -m stages.classify` takes any number."
            )
            said = join([said, tag("p", more, role="alert")])
        return said

    def _answer(self, judged: Judged) -> Answer:
        read, name = judged.read, Path(judged.read.path).name
        if judged.probabilities is None or read.pixels is None or judged.features is None:
            return Answer(name, problem=read.detail)
        names = self._classifier.class_names
        (order,) = predictions.top_classes(judged.probabilities[None], self._top_k)
        near = self._resemblance.nearest(judged.features, LIKE) if self._resemblance else []
        return Answer(
            name,
            thumbnails.reshaped(read.pixels, read.width, read.height),
            chances=[(names[k], float(judged.probabilities[k])) for k in order],
            like=[self._like(one) for one in near],
        )

    def _like(self, one: Resembling) -> Like:
        try:
            with Path(one.path).open("rb") as file:
                side = thumbnails.SIDE
                picture = images.decode(file, side, side, self._limits.pixels)
        except (OSError, images.ImageError):
            return Like(one.path, one.label, "")
        shown = thumbnails.reshaped(picture.pixels, picture.width, picture.height)
        return Like(one.path, one.label, shown)


def page(library: Any, desk: Desk, about: str) -> "gradio.Blocks":
    """Returns the page.

    Args:
        library: Gradio.
        desk: answers.
        about: said below the title.
    """
    with library.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, 600)) as found:
        library.Markdown(f"# {TITLE}")
        library.HTML(tag("p", about))
        dropped = library.File(
            label="Pictures: drop them here, or click to choose", file_count="multiple"
        )
        answers = library.HTML(label="Answers", elem_id="answers")
        dropped.change(desk.answer, dropped, answers, api_name="classify", concurrency_limit=1)
    return found


def resemblance(train: Path, fingerprint: str) -> Resemblance | None:
    """Returns what finds similar training pictures, where their features belong to this network."""
    if not train.exists():
        return None
    table = features.read(train)
    return Resemblance(table) if str(table.fingerprint) == fingerprint else None


def main(
    base_folder: Path = base.FOLDER,
    head_folder: Path = head.FOLDER,
    train: Path = features.TRAIN,
) -> None:
    """Serves the page until Ctrl-C."""
    asked = arguments()
    gradio = library()
    limits = params.load("validate", Costs, whole=False).limits()
    top_k = params.load("predict", predictions.Listed, whole=False).top_k
    classifier = Classifier(base_folder, head_folder, limits)
    names = classifier.class_names
    near = resemblance(train, head.read_about(head_folder).fingerprint)
    about = f"One of {len(names)} classes: {', '.join(names[:20])}{', ...' * (len(names) > 20)}"
    built = page(gradio, Desk(classifier, near, limits, top_k), about + classifier.warning)
    with tempfile.TemporaryDirectory(prefix="app") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        _, address, _ = built.launch(
            server_name=asked.host,
            server_port=asked.port or None,
            inbrowser=asked.open,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=limits.size,
            css=showcase.STYLE,
            theme=gradio.themes.Base(),
            footer_links=[],
        )
        print(f"app: {address} until Ctrl-C{classifier.warning}", flush=True)
        try:
            built.block_thread()
        finally:
            built.close(verbose=False)


if __name__ == "__main__":
    run(main)
