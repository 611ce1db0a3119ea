// The outside view of a log in JavaScript, as a page in a browser could have it: plain RFC 9162 and WebCrypto.
//
//   node check.mjs proofs     "y" or "n" for each proof on standard input
//   node check.mjs notes      verdicts on signed notes from standard input
//   node check.mjs signed     "y" or "n" for each signed document on standard input
//
// The lines are those of the Go program beside this one.

import { createHash, webcrypto } from "node:crypto";
import { createInterface } from "node:readline";

const { subtle } = webcrypto;
const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);
const parent = (left, right) => sha256(NODE, left, right);
const unhex = (text) => (text === "-" ? Buffer.alloc(0) : Buffer.from(text, "hex"));
const list = (text) => (text === "-" ? [] : text.split(",").map((word) => Buffer.from(word, "hex")));

// RFC 9162 §2.1.3.2
function includes(size, index, leaf, root, path) {
  if (index >= size) return false;
  let [node, last, hash] = [index, size - 1n, leaf];
  for (const sibling of path) {
    if (last === 0n) return false;
    if (node % 2n === 1n || node === last) {
      hash = parent(sibling, hash);
      while (node % 2n === 0n && node !== 0n) [node, last] = [node / 2n, last / 2n];
    } else {
      hash = parent(hash, sibling);
    }
    [node, last] = [node / 2n, last / 2n];
  }
  return last === 0n && hash.equals(root);
}

// RFC 9162 §2.1.4.2
function continues(oldSize, newSize, oldRoot, newRoot, given) {
  if (oldSize === newSize) return given.length === 0 && oldRoot.equals(newRoot);
  if (oldSize === 0n || oldSize > newSize || given.length === 0) return false;
  const path = (oldSize & (oldSize - 1n)) === 0n ? [oldRoot, ...given] : given;
  let [node, last] = [oldSize - 1n, newSize - 1n];
  while (node % 2n === 1n) [node, last] = [node / 2n, last / 2n];
  let [first, second] = [path[0], path[0]];
  for (const hash of path.slice(1)) {
    if (last === 0n) return false;
    if (node % 2n === 1n || node === last) {
      [first, second] = [parent(hash, first), parent(hash, second)];
      while (node % 2n === 0n && node !== 0n) [node, last] = [node / 2n, last / 2n];
    } else {
      second = parent(second, hash);
    }
    [node, last] = [node / 2n, last / 2n];
  }
  return last === 0n && first.equals(oldRoot) && second.equals(newRoot);
}

function proofHolds(line) {
  const [kind, first, second, third, root, hashes] = line.split(" ");
  if (kind === "I") {
    const leaf = sha256(LEAF, unhex(third));
    return includes(BigInt(first), BigInt(second), leaf, unhex(root), list(hashes));
  }
  return continues(BigInt(first), BigInt(second), unhex(third), unhex(root), list(hashes));
}

const ed25519 = (raw) => subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);

async function keyOf(vkey) {
  const [name, id, ...rest] = vkey.split("+");
  const raw = Buffer.from(rest.join("+"), "base64");
  const expected = sha256(Buffer.from(`${name}\n`), raw).subarray(0, 4).toString("hex");
  if (raw.length !== 33 || expected !== id) throw new Error(`${vkey} is not a key`);
  return { name, id, kind: raw[0], key: await ed25519(raw.subarray(1)) };
}

async function signed(key, text, signature) {
  if (key.kind === 1) {
    return signature.length === 64 && (await subtle.verify("Ed25519", key.key, signature, text));
  }
  if (signature.length !== 72) return false;
  const time = signature.readBigUInt64BE();
  if (time >> 63n) return false;
  const message = Buffer.concat([Buffer.from(`cosignature/v1\ntime ${time}\n`), text]);
  return subtle.verify("Ed25519", key.key, signature.subarray(8), message);
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function signatureLine(line) {
  const found = /^\u2014 ([^ ]*) (.*)$/u.exec(line);
  if (found === null || found[1] === "" || /[+\p{White_Space}]/u.test(found[1]) || !BASE64.test(found[2])) return null;
  const raw = Buffer.from(found[2], "base64");
  if (raw.length < 5) return null;
  return { name: found[1], id: raw.subarray(0, 4).toString("hex"), signature: raw.subarray(4) };
}

async function noteVerdict(raw, keys) {
  let note;
  try {
    note = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    return "n";
  }
  const at = note.lastIndexOf("\n\n");
  if (/[\u0000-\u0009\u000b-\u001f]/u.test(note) || at < 0 || !note.endsWith("\n") || at + 2 === note.length) return "n";
  const lines = note.slice(at + 2, -1).split("\n").map(signatureLine);
  if (lines.length > 100 || lines.includes(null)) return "n";
  const text = Buffer.from(note.slice(0, at + 1));
  const by = new Set();
  for (const line of lines) {
    const label = `${line.name}+${line.id}`;
    const known = keys.filter((key) => `${key.name}+${key.id}` === label);
    if (known.length === 0 || by.has(label)) continue;
    if (known.length > 1 || !(await signed(known[0], text, line.signature))) return "n";
    by.add(label);
  }
  return by.size === 0 ? "n" : `${sha256(text).toString("hex")} ${[...by].sort().join(" ")}`;
}

// key, type, body, signature: each in hexadecimal
async function documentHolds(line) {
  const [key, kind, body, signature] = line.split(" ").map(unhex);
  const pae = Buffer.concat([Buffer.from(`DSSEv1 ${kind.length} `), kind, Buffer.from(` ${body.length} `), body]);
  return subtle.verify("Ed25519", await ed25519(key), signature, pae);
}

const letter = (holds) => (holds ? "y" : "n");
const answers = [];
let keys = null;
for await (const line of createInterface({ input: process.stdin })) {
  if (process.argv[2] === "proofs") answers.push(letter(proofHolds(line)));
  else if (process.argv[2] === "signed") answers.push(letter(await documentHolds(line)));
  else if (process.argv[2] !== "notes") throw new Error(`unknown command ${process.argv[2]}`);
  else if (keys === null) keys = await Promise.all(line.split(" ").map(keyOf));
  else answers.push(await noteVerdict(unhex(line), keys));
}
process.stdout.write(answers.map((answer) => `${answer}\n`).join(""));
