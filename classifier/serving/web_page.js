"use strict";
// Sends images one by one, so that answers come as soon as they are there.
{
  const root = document.documentElement;
  const input = document.getElementById("images");
  const most = Number(document.querySelector("form").dataset.maxBytes);
  const state = document.getElementById("state");
  const answers = document.getElementById("answers");
  const waiting = [];
  let busy = false;

  const say = (name, text) => {
    const card = document.createElement("article");
    const line = document.createElement("p");
    card.className = "unread";
    line.textContent = `${name} ${text}`;
    card.append(line);
    answers.prepend(card);
  };

  const ask = async (file) => {
    if (file.size > most) {
      return say(file.name, `is larger than ${Math.ceil(most / 1e6)} MB, the limit of this page`);
    }
    const form = new FormData();
    form.append("images", file, file.name || "image");
    try {
      const answer = await fetch("/answers", { method: "POST", body: form });
      if (!answer.ok) return say(file.name, `cannot be classified: ${await answer.text()}`);
      const cards = new DOMParser().parseFromString(await answer.text(), "text/html").body;
      answers.prepend(...cards.childNodes);
    } catch {
      say(file.name, "cannot be classified: the program does not answer. Was it stopped?");
    }
  };

  const work = async () => {
    if (busy) return;
    busy = true;
    while (waiting.length) {
      state.textContent = `Looking; ${waiting.length.toLocaleString("en")} to go`;
      await ask(waiting.shift());
    }
    state.textContent = "";
    busy = false;
  };

  const take = (files) => {
    waiting.push(...files);
    work();
  };

  root.classList.add("script");
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = "";
  });
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("paste", (event) => take([...event.clipboardData.files]));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) root.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    root.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
}
