// The pixels that the network sees: on white, resized exactly as the pipeline does it with Pillow.
//
// Pillow's antialiased bilinear filter weighs source pixel j for target pixel i by a triangle
// around i's centre, with whole numbers of 22 bits. First the width is resized, then the height.
// The network could resize, too, but takes gigabytes for a photograph of a phone.
const BITS = 2 ** 22;
const BAND = 2 ** 20; // pixels that are read together

const filter = (source, target) => {
  const reach = 2 * Math.max(source, target);
  return Array.from({ length: target }, (_, i) => {
    const triangle = (j) => reach - Math.abs((2 * j + 1) * target - (2 * i + 1) * source);
    const centre = Math.floor(((i + 0.5) * source) / target);
    let [first, end] = [centre, centre + 1];
    while (first > 0 && triangle(first - 1) > 0) first--;
    while (end < source && triangle(end) > 0) end++;
    const weights = Array.from({ length: end - first }, (_, j) => triangle(first + j));
    const total = weights.reduce((sum, weight) => sum + weight);
    return { first, weights: weights.map((weight) => Math.round((weight / total) * BITS)) };
  });
};

// Resizes a line of pixels, `step` values apart, into pixels that are `outStep` values apart.
const resizeLine = (line, step, filters, out, place, outStep) => {
  for (const { first, weights } of filters) {
    for (let channel = 0; channel < 3; channel++) {
      let sum = BITS / 2;
      for (let j = 0, at = first * step + channel; j < weights.length; j++, at += step) {
        sum += weights[j] * line[at];
      }
      out[place + channel] = Math.floor(sum / BITS); // clamped to 0 to 255
    }
    place += outStep;
  }
};

const context2d = (width, height) =>
  new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });

// Tells whether a canvas returns what was drawn.
export const canReadPixels = () => {
  const context = context2d(16, 16);
  context.fillStyle = "#123456";
  context.fillRect(0, 0, 16, 16);
  const { data } = context.getImageData(0, 0, 16, 16);
  return data.every((value, index) => value === [0x12, 0x34, 0x56, 255][index % 4]);
};

// Returns the pixels of an ImageBitmap, RGB, as Uint8Array of height * width * 3.
export const resized = (bitmap, width, height) => {
  const across = filter(bitmap.width, width);
  const rows = Math.max(1, Math.min(bitmap.height, Math.floor(BAND / bitmap.width)));
  const context = context2d(bitmap.width, rows);
  const narrow = new Uint8ClampedArray(bitmap.height * width * 3);
  for (let top = 0; top < bitmap.height; top += rows) {
    context.fillStyle = "white";
    context.fillRect(0, 0, bitmap.width, rows);
    context.drawImage(bitmap, 0, -top);
    const { data } = context.getImageData(0, 0, bitmap.width, rows);
    for (let row = 0; row < Math.min(rows, bitmap.height - top); row++) {
      const line = data.subarray(row * bitmap.width * 4, (row + 1) * bitmap.width * 4);
      resizeLine(line, 4, across, narrow, (top + row) * width * 3, 3);
    }
  }
  const small = new Uint8ClampedArray(height * width * 3);
  const down = filter(bitmap.height, height);
  for (let column = 0; column < width; column++) {
    resizeLine(narrow.subarray(column * 3), width * 3, down, small, column * 3, width * 3);
  }
  return new Uint8Array(small.buffer);
};
