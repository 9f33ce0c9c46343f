// Shows what worker.js computes for images that are chosen, dropped, pasted or seen by the camera.
const SHOWN = 3; // classes of an image
const MEANINGS = {
  unknown: "unlike the training images of every class; the nearest is",
  uncertain: "no class is probable enough; the most probable is",
};
const CAMERA_PROBLEMS = {
  NotAllowedError: "the browser was not allowed to use it",
  NotFoundError: "this machine has none",
  NotReadableError: "another program uses it",
};
const INSECURE =
  "browsers give it only to pages from https:// or localhost. Choose files instead: a phone then " +
  "offers to take a photograph";
const [status, warning, input, camera, live, video, seen, results] = [
  "status", "warning", "images", "camera", "live", "video", "seen", "results",
].map((id) => document.getElementById(id));
let settings; // classifier.json
let stream; // of the camera, while it is on
let waiting = 0; // images

const element = (name, properties, ...children) => {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
};

const problem = (name, text) => element("p", { className: "problem" }, `${name}: ${text}`);

const verdict = ({ probabilities, novelty }) => {
  if (settings.threshold !== null && novelty > settings.threshold) return "unknown";
  return Math.max(...probabilities) < settings.min_probability ? "uncertain" : "";
};

const classLine = (name, probability) => {
  const filled = element("span", {});
  filled.style.width = `${100 * probability}%`;
  const percent = element("span", {}, `${(100 * probability).toFixed(1)} %`);
  return element("li", {}, element("span", {}, name), percent,
    element("span", { className: "bar", ariaHidden: "true" }, filled));
};

const answer = (result) => {
  const said = verdict(result);
  const classes = [...result.probabilities]
    .map((probability, index) => [settings.class_names[index], probability])
    .sort((one, other) => other[1] - one[1])
    .slice(0, SHOWN);
  const novelty = result.novelty === null ? "" : `novelty ${result.novelty.toFixed(1)}, `;
  const note = `${novelty}${result.seconds.toFixed(2)} s`;
  const block = element("div", {});
  if (said) block.append(element("p", { className: "verdict" }, `${said}: ${MEANINGS[said]}`));
  block.append(element("ol", {}, ...classes.map((pair) => classLine(...pair))));
  block.append(element("p", { className: "note" }, note));
  return block;
};

const worker = new Worker("worker.js", { type: "module" });
const reply = () =>
  new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = () => resolve({ problem: "this browser cannot run the scripts of this page" });
  });
let last = reply(); // what the worker does at present

const classify = (image) => {
  last = last.then(() => {
    worker.postMessage(image);
    return reply();
  });
  return last;
};

const showFile = async (file) => {
  status.textContent = `Images to classify: ${++waiting}`;
  const result = await classify(file);
  if (result.problem) {
    results.prepend(problem(file.name, result.problem));
  } else {
    const image = element("img", { src: URL.createObjectURL(file), alt: "" });
    image.onload = () => URL.revokeObjectURL(image.src);
    const figure = element("figure", {}, image, element("figcaption", {}, file.name));
    results.prepend(element("article", {}, figure, answer(result)));
  }
  status.textContent = --waiting ? `Images to classify: ${waiting}` : "";
};

const showCamera = async () => {
  if (!navigator.mediaDevices) throw new Error(INSECURE);
  stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const firstFrame = new Promise((resolve) => (video.onloadeddata = resolve));
  video.srcObject = stream;
  await Promise.all([video.play(), firstFrame]);
  camera.textContent = "Stop the camera";
  camera.disabled = live.hidden = false;
  while (stream?.active) {
    const result = await classify(await createImageBitmap(video));
    const shown = result.problem ? problem("Camera", result.problem) : answer(result);
    seen.replaceChildren(element("article", {}, shown));
  }
};

const stopCamera = () => {
  stream?.getTracks().forEach((track) => track.stop());
  stream = undefined;
  live.hidden = true;
  seen.replaceChildren();
  camera.textContent = "Use the camera";
};

const useCamera = async () => {
  camera.disabled = true; // until it is on or off
  if (stream) return stopCamera();
  try {
    await showCamera();
  } catch (error) {
    results.prepend(problem("Camera", CAMERA_PROBLEMS[error.name] ?? error.message));
  }
  stopCamera();
  camera.disabled = false;
};

const start = ({ problem: text, settings: read }) => {
  if (text) {
    status.replaceChildren(problem("The classifier cannot start", text));
    return;
  }
  settings = read;
  status.textContent = "";
  warning.textContent = settings.warning;
  warning.hidden = !settings.warning;
  document.documentElement.dataset.ready = "";
  input.addEventListener("change", () => {
    [...input.files].forEach(showFile);
    input.value = "";
  });
  camera.addEventListener("click", useCamera);
  document.addEventListener("paste", (event) => [...event.clipboardData.files].forEach(showFile));
  document.addEventListener("drop", (event) => [...event.dataTransfer.files].forEach(showFile));
};

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.documentElement.classList.add("over");
});
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.documentElement.classList.remove("over");
  });
}
status.textContent = "Loading the classifier";
start(await last);
