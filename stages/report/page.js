"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const names = read("names");
  const judged = read("judged-data");
  const predictions = read("predictions-data");
  const thumbs = new Map(Object.entries(read("thumbs")));
  for (const image of document.querySelectorAll("img[data-path]")) {
    thumbs.set(image.dataset.path, image.src);
  }
  for (const image of document.querySelectorAll("img[data-again]")) {
    image.src = thumbs.get(image.dataset.again);
  }

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== null) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };

  const figure = (path, ...said) => {
    const source = thumbs.get(path);
    const shown = source
      ? element("img", { src: source, alt: path, loading: "lazy" })
      : element("span", { class: "none" }, path.split("/").pop());
    return element("figure", {}, shown, element("figcaption", {}, ...said));
  };

  // the images behind a number
  const dialog = document.getElementById("behind");
  const open = (label, guess) => {
    const found = judged.filter((one) => one[1] === label && one[2] === guess);
    const title = label === guess
      ? `${names[label]}, named rightly`
      : `${names[label]}, taken for ${names[guess]}`;
    const close = element("form", { method: "dialog" }, element("button", {}, "Close"));
    const shown = found.map((one) => figure(one[0], `${one[0]} (${one[3].toFixed(2)})`));
    dialog.replaceChildren(
      element("h2", { id: "behind-title" }, title),
      element("div", { class: "figures" }, ...shown),
      close,
    );
    dialog.showModal();
  };
  for (const button of document.querySelectorAll("button[data-pair]")) {
    const [label, guess] = button.dataset.pair.split(",").map(Number);
    button.addEventListener("click", () => open(label, guess));
  }
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  // columns that sort
  const compare = (one, other) => {
    const [a, b] = [parseFloat(one.replaceAll(",", "")), parseFloat(other.replaceAll(",", ""))];
    return Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other) : a - b;
  };
  for (const table of document.querySelectorAll("table:not(.matrix)")) {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((cell, place) => {
      if (!cell.textContent) return;
      const button = element("button", { type: "button" }, cell.textContent);
      cell.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = cell.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        const text = (row) => row.cells[place].textContent;
        const rows = [...body.rows].sort((a, b) => compare(text(a), text(b)));
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  }

  // the gallery of predictions
  const gallery = document.getElementById("gallery");
  if (!gallery) return;
  const SIZE = 60;
  let page = 0;
  let found = predictions;
  const search = element("input", { type: "search", id: "search", placeholder: "part of a name" });
  const chosen = element("select", { id: "class" }, element("option", { value: "" }, "all"));
  names.forEach((name, place) => chosen.append(element("option", { value: place }, name)));
  if (predictions.some((one) => one.length === 2)) {
    chosen.append(element("option", { value: "unread" }, "(not read)"));
  }
  const order = element("select", { id: "order" });
  for (const [value, text] of [["path", "name"], ["unsure", "least sure first"], ["sure", "surest first"]]) {
    order.append(element("option", { value }, text));
  }
  const said = element("p", { role: "status", id: "found" });
  const shown = element("div", { class: "figures" });
  const back = element("button", { type: "button" }, "Back");
  const next = element("button", { type: "button" }, "More");
  const at = element("span");

  const draw = () => {
    const pages = Math.max(1, Math.ceil(found.length / SIZE));
    const some = found.slice(page * SIZE, (page + 1) * SIZE);
    shown.replaceChildren(...some.map((one) => one.length === 2
      ? figure(one[0], element("b", {}, one[1]), element("br"), one[0])
      : figure(one[0], element("b", {}, names[one[1]]), ` (${one[2].toFixed(2)})`, element("br"), one[0])));
    said.textContent = `${found.length.toLocaleString("en")} of ${predictions.length.toLocaleString("en")} files`;
    at.textContent = `${page + 1} of ${pages}`;
    back.disabled = page === 0;
    next.disabled = page + 1 >= pages;
  };
  const choose = () => {
    const text = search.value.toLowerCase();
    found = predictions.filter((one) =>
      one[0].toLowerCase().includes(text) &&
      (chosen.value === "" || (chosen.value === "unread" ? one.length === 2 : one.length === 3 && one[1] === Number(chosen.value))));
    const sure = (one) => (one.length === 3 ? one[2] : -1);
    if (order.value === "unsure") found = [...found].sort((a, b) => sure(a) - sure(b));
    if (order.value === "sure") found = [...found].sort((a, b) => sure(b) - sure(a));
    page = 0;
    draw();
  };
  search.addEventListener("input", choose);
  chosen.addEventListener("change", choose);
  order.addEventListener("change", choose);
  back.addEventListener("click", () => { page -= 1; draw(); });
  next.addEventListener("click", () => { page += 1; draw(); });
  gallery.replaceChildren(
    element("div", { class: "controls" },
      element("label", { for: "search" }, "Search", search),
      element("label", { for: "class" }, "Class", chosen),
      element("label", { for: "order" }, "Order", order)),
    said,
    shown,
    element("div", { class: "pages" }, back, at, next),
  );
  draw();
})();
