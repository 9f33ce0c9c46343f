"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const names = read("class-names");
  const examples = read("example-data"); // [path, class, predicted class, probability]
  // [path, class, probability, "unknown", "uncertain" or "", true class or -1] or [path, problem]
  const predictions = read("prediction-data");
  const thumbnails = new Map(Object.entries(read("thumbnail-data")));
  for (const image of document.querySelectorAll("img[data-path]")) {
    thumbnails.set(image.dataset.path, image.src);
  }
  for (const image of document.querySelectorAll("img[data-again]")) {
    image.src = thumbnails.get(image.dataset.again);
  }

  const element = (name, attributes = {}, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };

  const figure = (path, ...caption) => {
    const source = thumbnails.get(path);
    const image = source
      ? element("img", { src: source, alt: path })
      : element("span", { class: "none" }, path.split("/").pop());
    return element("figure", {}, image, element("figcaption", {}, ...caption));
  };

  // the images of a cell of the confusion matrix
  const dialog = document.getElementById("examples");
  const open = (label, predicted) => {
    const title = label === predicted
      ? `${names[label]}, predicted correctly`
      : `${names[label]}, predicted as ${names[predicted]}`;
    const close = element("form", { method: "dialog" }, element("button", {}, "Close"));
    const figures = examples
      .filter((example) => example[1] === label && example[2] === predicted)
      .map(([path, , , probability]) => figure(path, `${path} (${probability.toFixed(2)})`));
    dialog.replaceChildren(
      element("h2", { id: "examples-title" }, title),
      element("div", { class: "figures" }, ...figures),
      close,
    );
    dialog.showModal();
  };
  for (const button of document.querySelectorAll("button[data-pair]")) {
    const [label, predicted] = button.dataset.pair.split(",").map(Number);
    button.addEventListener("click", () => open(label, predicted));
  }
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  // sort a table by the column whose header is clicked
  const compare = (a, b) => {
    const [x, y] = [a, b].map((text) => parseFloat(text.replaceAll(",", "")));
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  for (const table of document.querySelectorAll("table:not(.matrix)")) {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      if (!cell.textContent) return;
      const button = element("button", { type: "button" }, cell.textContent);
      cell.replaceChildren(button);
      button.addEventListener("click", () => {
        const descending = cell.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const text = (row) => row.cells[column].textContent;
        const rows = [...body.rows].sort((a, b) => compare(text(a), text(b)));
        body.append(...(descending ? rows.reverse() : rows));
      });
    });
  }

  // the gallery of predictions
  const gallery = document.getElementById("gallery");
  if (!gallery) return;
  const SIZE = 60;
  let page = 0;
  let matches = predictions;
  const search = element("input", { type: "search", id: "search", placeholder: "part of a path" });
  const filter = element("select", { id: "class" }, element("option", { value: "" }, "all"));
  names.forEach((name, index) => filter.append(element("option", { value: index }, name)));
  for (const verdict of new Set(predictions.map((prediction) => prediction[3] || ""))) {
    if (verdict) filter.append(element("option", { value: `(${verdict})` }, `(${verdict})`));
  }
  if (predictions.some((prediction) => prediction.length === 2)) {
    filter.append(element("option", { value: "skipped" }, "(skipped files)"));
  }
  const isWrong = ([, result, probability, , label]) =>
    probability !== undefined && label >= 0 && label !== result;
  const wrong = element("input", { type: "checkbox", id: "only-errors" });
  const order = element("select", { id: "order" });
  for (const [value, text] of [["path", "path"], ["lowest", "least confident first"], ["highest", "most confident first"]]) {
    order.append(element("option", { value }, text));
  }
  const status = element("p", { role: "status", id: "status" });
  const figures = element("div", { class: "figures" });
  const previous = element("button", { type: "button" }, "Previous");
  const next = element("button", { type: "button" }, "Next");
  const position = element("span");

  const draw = () => {
    const pages = Math.max(1, Math.ceil(matches.length / SIZE));
    const shown = matches.slice(page * SIZE, (page + 1) * SIZE);
    figures.replaceChildren(...shown.map((prediction) => {
      const [path, result, probability, verdict, label] = prediction;
      const skipped = probability === undefined;
      const badge = verdict ? [element("span", { class: "badge" }, verdict), " "] : [];
      const title = element("b", {}, skipped ? result : names[result]);
      const text = skipped ? "" : ` (${probability.toFixed(2)})`;
      const truth = isWrong(prediction) ? [element("br"), `true class: ${names[label]}`] : [];
      const name = path.replace("input/test/", "");
      return figure(path, ...badge, title, text, ...truth, element("br"), name);
    }));
    const [count, total] = [matches, predictions].map((list) => list.length.toLocaleString("en"));
    status.textContent = `${count} of ${total} files`;
    position.textContent = `page ${page + 1} of ${pages}`;
    previous.disabled = page === 0;
    next.disabled = page + 1 >= pages;
  };
  const matchesFilter = ([, result, probability, verdict]) => {
    if (filter.value === "") return true;
    if (filter.value === "skipped") return probability === undefined;
    if (filter.value.startsWith("(")) return `(${verdict})` === filter.value;
    return probability !== undefined && !verdict && result === Number(filter.value);
  };
  const update = () => {
    const text = search.value.toLowerCase();
    matches = predictions.filter((prediction) =>
      prediction[0].toLowerCase().includes(text) && matchesFilter(prediction) &&
      (!wrong.checked || isWrong(prediction)));
    const probability = (prediction) => prediction[2] ?? -1;
    if (order.value === "lowest") matches.sort((a, b) => probability(a) - probability(b));
    if (order.value === "highest") matches.sort((a, b) => probability(b) - probability(a));
    page = 0;
    draw();
  };
  search.addEventListener("input", update);
  filter.addEventListener("change", update);
  order.addEventListener("change", update);
  wrong.addEventListener("change", update);
  previous.addEventListener("click", () => { page -= 1; draw(); });
  next.addEventListener("click", () => { page += 1; draw(); });
  gallery.replaceChildren(
    element("div", { class: "controls" },
      element("label", { for: "search" }, "Search", search),
      element("label", { for: "class" }, "Predicted class", filter),
      element("label", { for: "order" }, "Order", order),
      ...(predictions.some(isWrong)
        ? [element("label", { class: "switch" }, wrong, "Only errors")] : [])),
    status,
    figures,
    element("div", { class: "pages" }, previous, position, next),
  );
  draw();
})();
