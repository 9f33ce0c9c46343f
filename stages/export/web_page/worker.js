// Classifies images, one per message, away from the thread of the page.
import * as onnxruntime from "./onnxruntime.js";
import { canReadPixels, resized } from "./pixels.js";

onnxruntime.env.wasm.numThreads = 1; // more would need special headers from the web server
let settings, network;

const load = async () => {
  if (typeof WebAssembly === "undefined") throw new Error("this browser has no WebAssembly");
  if (!canReadPixels()) {
    throw new Error("this browser hides the pixels of images from web pages, against fingerprinting");
  }
  const response = await fetch("classifier.json");
  if (!response.ok) throw new Error(`classifier.json: ${response.status} ${response.statusText}`);
  settings = await response.json();
  network = await onnxruntime.InferenceSession.create("classifier.onnx", { logSeverityLevel: 3 });
};

const decode = async (image) => {
  try {
    return await createImageBitmap(image, { premultiplyAlpha: "none" });
  } catch {
    throw new Error("this browser cannot read it as an image");
  }
};

const classify = async (image) => {
  const start = performance.now();
  const bitmap = await decode(image);
  const { height, width } = settings;
  const pixels = resized(bitmap, width, height);
  bitmap.close();
  const tensor = new onnxruntime.Tensor("uint8", pixels, [1, height, width, 3]);
  const { probabilities, novelty } = await network.run({ pixels: tensor });
  const seconds = (performance.now() - start) / 1000;
  return { probabilities: probabilities.data, novelty: novelty?.data[0] ?? null, seconds };
};

const answer = async (work) => {
  try {
    postMessage(await work());
  } catch (error) {
    postMessage({ problem: error.message });
  }
};

onmessage = ({ data }) => answer(() => classify(data));
await answer(async () => {
  await load();
  return { settings };
});
