// Reads drawings with the modules that the page reads with:
//
//     node benchmarks/read_in_node.mjs MODEL_FOLDER CONFIG < DRAWINGS > ANSWERS
//
// CONFIG is what config.json holds, complete, as Python's `load_model` gives it, and its model as
// `NetworkConfig` has it.
// A drawing is its width and height, 32 bits each, little-endian, and its pixels, RGBA. An answer is
// a line of JSON.
import { readFileSync } from "node:fs";
import { Network } from "../digitrec/demo/page/reading/model.js";
import { parseTensors } from "../digitrec/demo/page/reading/pretrained.js";
import { DigitRecognizer } from "../digitrec/demo/page/reading/recognizer.js";

const [folder, config] = [process.argv[2], JSON.parse(process.argv[3])];
const weights = readFileSync(`${folder}/model.safetensors`);
const code = readFileSync(new URL("../digitrec/demo/page/reading/convolution.wasm", import.meta.url));
const tensors = parseTensors(weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length));
const recognizer = new DigitRecognizer(new Network(config.model, tensors, code), config);

let waiting = Buffer.alloc(0);
for await (const part of process.stdin) {
  waiting = Buffer.concat([waiting, part]);
  while (waiting.length >= 8) {
    const [width, height] = [waiting.readUInt32LE(0), waiting.readUInt32LE(4)];
    const end = 8 + 4 * width * height;
    if (waiting.length < end) break;
    const data = new Uint8Array(waiting.subarray(8, end));
    waiting = waiting.subarray(end);
    const start = performance.now();
    const number = recognizer.readNumber({ data, height, width });
    const milliseconds = performance.now() - start;
    console.log(JSON.stringify(number && { ...number, milliseconds }));
  }
}
