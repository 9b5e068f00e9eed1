// Reads the drawings that the page hands over, explains answers, looks into the network, and learns a
// hand, one at a time, in the background.
import { explain } from "./explanation.js";
import { loadModel } from "./pretrained.js";

/** @type {import("./recognizer.js").DigitRecognizer} */
let recognizer;

self.onmessage = async ({ data: { question, picture, digits, inside, taught } }) => {
  if (picture) return self.postMessage({ answer: recognizer.readNumber(picture) });
  let result;
  if (digits) result = explain(recognizer.network, digits);
  else if (taught) (await import("./teaching.js")).teach(recognizer, taught);
  else result = (await import("./inside.js")).answer(recognizer, inside);
  self.postMessage({ question, result });
};

try {
  recognizer = await loadModel();
  const white = new Uint8Array(4 * 400 * 400).fill(255);
  for (let row = 100; row < 300; row++) white.fill(0, 4 * (400 * row + 190), 4 * (400 * row + 210));
  recognizer.readNumber({ data: white, width: 400, height: 400 }); // compiles what is slow at first
  self.postMessage("ready");
} catch (error) {
  self.postMessage("failed");
  throw error;
}
