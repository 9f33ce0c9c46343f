"use strict";
// Asks for the next group, image or finding, and sends what the user says about it.
{
  const byId = (id) => document.getElementById(id);
  const who = Math.random().toString(36).slice(2);
  const kinds = ["group", "image", "finding"];
  const percent = (share) => `${Math.round(100 * share)} %`;
  const number = (value) => value.toLocaleString("en");
  let kind = "";
  let item = null;
  let status = null;
  let busy = false;
  const halves = []; // of groups that were split, to be shown next

  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  const showProblem = (message, id = "problem") => {
    byId(id).textContent = message;
    byId(id).hidden = !message;
  };

  const send = async (path, body) => {
    const options = body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...body, who }),
    };
    let response;
    try {
      response = await fetch(body ? path : `${path}?who=${who}`, options);
    } catch {
      throw new Error("No answer: is `python -m classifier label` still running? Nothing was saved.");
    }
    if (!response.ok) throw new Error(await response.text());
    const answer = await response.json();
    status = answer.status;
    return answer;
  };

  const drawCurve = (points) => {
    const place = byId("curve");
    place.replaceChildren();
    if (points.length < 2) return;
    const [first, last] = [points[0], points[points.length - 1]];
    const width = last[0] - first[0] || 1;
    const values = points.map((point) => point[1]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const steps = points.map(([labels, accuracy]) => {
      const x = 2 + (96 * (labels - first[0])) / width;
      return `${x.toFixed(1)} ${(28 - (26 * (accuracy - low)) / (high - low || 1)).toFixed(1)}`;
    });
    const box = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    box.setAttribute("viewBox", "0 0 100 30");
    box.setAttribute("preserveAspectRatio", "none");
    box.setAttribute("role", "img");
    const span = `${percent(first[1])} with ${first[0]} labels, ${percent(last[1])} with ${last[0]}`;
    box.setAttribute("aria-label", `Accuracy: ${span}`);
    line.setAttribute("d", `M${steps.join("L")}`);
    box.append(line);
    place.append(box);
  };

  const showStatus = () => {
    const parts = [element("b", number(status.labelled)), ` of ${number(status.images)} labelled`];
    const accuracy = status.accuracy.at(-1);
    if (accuracy) {
      const title = "Of all images; those with a label are predicted by heads that do not know it";
      parts.push(" · accuracy about ", element("b", percent(accuracy[1]), { title }));
    }
    if (status.gain > 0) {
      const points = (100 * status.gain).toFixed(1);
      parts.push(` · the next ${status.more} labels may add ${points} points`);
    }
    const single = status.classes.filter(([, images]) => images === 1).map(([name]) => name);
    if (single.length) parts.push(` · \`dvc repro\` needs a second image of ${single.join(", ")}`);
    byId("numbers").replaceChildren(...parts);
    drawCurve(status.accuracy);
    showProblem(status.problem, "learning");
    byId("names").replaceChildren(
      ...status.classes.map(([name]) => element("option", "", { value: name })),
    );
    byId("tab-finding").textContent = `Findings (${number(status.findings)})`;
    for (const one of kinds) byId(`tab-${one}`).setAttribute("aria-pressed", String(one === kind));
  };

  const zoom = (place) => {
    byId("large").src = `/images/large/${place}`;
    byId("zoom").showModal();
  };

  const chosen = () => {
    if (item.kind !== "group") return [item.images[0].id];
    const buttons = [...byId("images").children];
    return item.images
      .filter((_, n) => buttons[n].getAttribute("aria-pressed") !== "true")
      .map((image) => image.id);
  };

  const thumbnail = (image) =>
    element("img", "", { src: `/images/${item.kind === "group" ? "small" : "large"}/${image.id}`, alt: image.path });

  const showImages = () => {
    const place = byId("images");
    place.className = item.kind === "group" ? "group" : "single";
    if (item.kind === "group") {
      place.replaceChildren(
        ...item.images.map((image) => {
          const button = element("button", "", { type: "button", "aria-pressed": "false", title: image.path });
          button.append(thumbnail(image));
          button.addEventListener("click", () => {
            const pressed = button.getAttribute("aria-pressed") === "true";
            button.setAttribute("aria-pressed", String(!pressed));
          });
          button.addEventListener("dblclick", () => zoom(image.id));
          return button;
        }),
      );
      return;
    }
    place.replaceChildren(
      ...[...item.images, ...(item.other || [])].map((image, n) => {
        const figure = element("figure");
        const button = element("button", "", { type: "button", title: "Zoom" });
        button.append(thumbnail(image));
        button.addEventListener("click", () => zoom(image.id));
        figure.append(button, element("figcaption", n ? `the other: ${image.path}` : image.path));
        return figure;
      }),
    );
  };

  const questions = {
    group: () => ["What are these?", "Tap those that are something else: they are asked about later."],
    image: () => ["What is this?", ""],
    finding: () => [`Labelled ${item.label || "nothing"}. Right?`, `${item.finding.replaceAll("_", " ")}: ${item.detail}`],
    none: () => [kind === "finding" ? "No findings are left." : "No images are left to label.", "Run `dvc repro` to train on the labels."],
  };

  const addButton = (place, key, text, action, extra) => {
    const button = element("button", "", { type: "button" });
    if (key) button.append(element("kbd", key));
    button.append(element("b", text));
    if (extra) button.append(element("span", extra));
    button.addEventListener("click", action);
    place.append(button);
    return button;
  };

  const show = () => {
    showStatus();
    const [question, hint] = questions[item.kind]();
    byId("question").replaceChildren(question, element("small", hint));
    const [answers, actions] = [byId("answers"), byId("actions")];
    answers.replaceChildren();
    actions.replaceChildren();
    if (item.kind === "none") {
      byId("images").replaceChildren();
    } else {
      showImages();
      item.guesses.forEach(([name, share], n) => {
        addButton(answers, n < 9 ? String(n + 1) : "", name, () => label(name), share >= 0.01 ? percent(share) : "");
      });
      addButton(item.guesses.length ? actions : answers, "n", "new class", name_);
      addButton(actions, "x", "not an image of anything", exclude);
      if (item.kind === "group") addButton(actions, "d", "divide", divide).disabled = item.images.length < 2;
      else addButton(actions, "z", "zoom", () => zoom(item.images[0].id));
      addButton(actions, "s", "skip", skip);
    }
    addButton(actions, "u", "undo", undo).disabled = !status.undo;
  };

  const work = async (task) => {
    if (busy) return;
    busy = true;
    try {
      await task();
      showProblem("");
    } catch (error) {
      showProblem(error.message);
    }
    busy = false;
  };

  const next = async () => {
    item = halves.pop() || (await send(`/next/${kind}`)).item;
    show();
  };

  const act = (path, more) =>
    work(async () => {
      if (!item || item.kind === "none") return;
      const images = chosen();
      if (!images.length) throw new Error("All images are crossed out; leave one, or skip the group.");
      await send(path, { images, ...more });
      await next();
    });

  const label = (name) => act("/label", { label: name });
  const exclude = () => act("/exclude");
  const skip = () => act("/skip");
  const undo = () =>
    work(async () => {
      await send("/undo", {});
      await next();
    });
  const divide = () =>
    work(async () => {
      if (item.kind !== "group") return;
      const { result } = await send("/split", { images: chosen() });
      halves.push(result[1]);
      item = result[0];
      show();
    });
  const name_ = () => {
    byId("name").value = "";
    byId("naming").showModal();
  };
  const choose = (wanted) =>
    work(async () => {
      kind = wanted;
      halves.length = 0;
      await next();
    });

  byId("naming").addEventListener("close", () => {
    const name = byId("name").value.trim();
    if (byId("naming").returnValue === "label" && name) label(name);
  });
  byId("naming").querySelector("form").addEventListener("submit", () => {
    byId("naming").returnValue = "label";
  });
  byId("naming").querySelector("[type=submit]").value = "label";
  byId("cancel").addEventListener("click", () => byId("naming").close(""));
  byId("zoom").addEventListener("click", () => byId("zoom").close());
  for (const one of kinds) byId(`tab-${one}`).addEventListener("click", () => choose(one));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const keys = { n: name_, x: exclude, s: skip, u: undo, d: divide };
    keys.z = () => item && item.kind !== "none" && zoom(item.images[0].id);
    const digit = Number(event.key);
    if (digit >= 1 && item && item.guesses && digit <= Math.min(9, item.guesses.length)) label(item.guesses[digit - 1][0]);
    else if (Object.hasOwn(keys, event.key)) keys[event.key]();
    else return;
    event.preventDefault();
  });

  // what was learned meanwhile, here or by others
  setInterval(async () => {
    if (busy || !status || document.hidden) return;
    try {
      await send("/status");
      showStatus();
    } catch {
      // the next answer tells it
    }
  }, 4000);

  work(async () => {
    await send("/status");
    kind = status.started ? "image" : "group";
    await next();
  });
}
