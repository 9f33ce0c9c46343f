"""Headless Chromium, driven through a pair of pipes by its DevTools protocol."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
SECONDS = 60
CONTINUE = "Runtime.runIfWaitingForDebugger"


class Browser:
    """A page in the browser with its workers, their network requests, and their errors."""

    def __init__(self, folder: Path, width: int = 1280, *more: str) -> None:
        down, self._write = os.pipe()
        self._read, up = os.pipe()
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900"]
        options += ["--remote-debugging-pipe", f"--user-data-dir={folder}", *more]

        def use_pipes() -> None:  # Chromium reads from 3 and writes to 4
            pipes = os.dup(down), os.dup(up)
            os.dup2(pipes[0], 3)
            os.dup2(pipes[1], 4)

        self._process = subprocess.Popen(
            [PROGRAM, *options],
            preexec_fn=use_pipes,
            pass_fds=(3, 4),
            stderr=subprocess.DEVNULL,
        )
        os.close(down)
        os.close(up)
        self._rest, self._number, self._session = b"", 0, None
        self.requests, self.errors = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")
        attach = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
        self.call("Target.setAutoAttach", **attach)

    def _message(self) -> dict:
        while b"\0" not in self._rest:
            self._rest += os.read(self._read, 65536)
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        params = message.get("params", {})
        match message.get("method"):
            case "Target.attachedToTarget":  # the page or a worker, which waits
                for method in ("Network.enable", "Runtime.enable", "Log.enable", CONTINUE):
                    self._send(method, params["sessionId"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown" | "Log.entryAdded":
                self.errors.append(json.dumps(params))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                self.errors.append(json.dumps(params))
        return message

    def _send(self, method: str, session: str | None, **values: object) -> int:
        self._number += 1
        message = {"id": self._number, "method": method, "params": values}
        message |= {"sessionId": session} if session else {}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return self._number

    def call(self, method: str, **values: object) -> dict:
        number = self._send(method, self._session, **values)
        while (answer := self._message()).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def value(self, script: str) -> object:
        done = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def wait(self, script: str) -> None:
        end = time.monotonic() + SECONDS
        while not self.value(script):
            assert time.monotonic() < end, script
            time.sleep(0.05)

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait(f"document.readyState == 'complete' && location.href.startsWith('{address}')")

    def choose(self, selector: str, files: list[Path]) -> None:
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in files])

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=SECONDS)
        os.close(self._read)
        os.close(self._write)
