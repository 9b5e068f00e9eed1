// The served model: its settings and its weights, which the browser keeps under their checksum.
import { Network } from "./model.js";
import { DigitRecognizer } from "./recognizer.js";

/** @throws {Error} where they do not arrive, do not verify or belong to another kind of network */
export async function loadModel() {
  const [model, code] = await Promise.all([fetchFile("model.json"), fetchFile("convolution.wasm")]);
  const { weights, integrity, ...config } = await model.json();
  const bytes = await (await fetchFile(weights, { integrity })).arrayBuffer();
  return new DigitRecognizer(new Network(config.model, parseTensors(bytes), await code.arrayBuffer()), config);
}

/**
 * @param {string} name
 * @param {RequestInit} [options]
 */
async function fetchFile(name, options) {
  const response = await fetch(new URL(name, import.meta.url), options);
  if (!response.ok) throw new Error(`${name} did not arrive: ${response.status}`);
  return response;
}

/**
 * Read a safetensors file: the length of a JSON header in eight bytes, the header, raw numbers.
 * @param {ArrayBuffer} bytes
 */
export function parseTensors(bytes) {
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  delete header.__metadata__;
  /** @type {Record<string, import("./convolution.js").Tensor>} */
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(header)) {
    if (dtype !== "F32") throw new Error(`${name} holds ${dtype}; the browser reads only F32`);
    tensors[name] = { shape, data: new Float32Array(bytes.slice(8 + length + start, 8 + length + end)) };
  }
  return tensors;
}
