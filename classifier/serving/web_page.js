"use strict";
// Sends images one at a time and shows each result as soon as it arrives.
{
  const root = document.documentElement;
  const input = document.getElementById("images");
  const maxBytes = Number(document.querySelector("form").dataset.maxBytes);
  const status = document.getElementById("status");
  const results = document.getElementById("results");
  const queue = [];
  let busy = false;

  const showProblem = (name, text) => {
    const card = document.createElement("article");
    const line = document.createElement("p");
    card.className = "problem";
    line.textContent = `${name} ${text}`;
    card.append(line);
    results.prepend(card);
  };

  const classify = async (file) => {
    if (file.size > maxBytes) {
      const limit = Math.ceil(maxBytes / 1e6);
      return showProblem(file.name, `is larger than ${limit} MB, the limit of this page`);
    }
    const form = new FormData();
    form.append("images", file, file.name || "image");
    if (document.querySelector(".show-why:checked")) form.append("why", "on");
    try {
      const response = await fetch("/cards", { method: "POST", body: form });
      const text = await response.text();
      if (!response.ok) return showProblem(file.name, `cannot be classified: ${text}`);
      results.prepend(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
    } catch {
      showProblem(file.name, "cannot be classified: no answer from the server; is it running?");
    }
  };

  const classifyAll = async (files) => {
    queue.push(...files);
    if (busy) return;
    busy = true;
    while (queue.length) {
      status.textContent = `Classifying; ${queue.length.toLocaleString("en")} left`;
      await classify(queue.shift());
    }
    status.textContent = "";
    busy = false;
  };

  root.classList.add("script");
  input.addEventListener("change", () => {
    classifyAll([...input.files]);
    input.value = "";
  });
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("paste", (event) => classifyAll([...event.clipboardData.files]));
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
    classifyAll([...event.dataTransfer.files]);
  });
}
