// Inclusion proofs and signed documents by @sigstore/verify and @sigstore/core, which are other people's code.
//
//   node sigstore.mjs proofs      "y" or "n" for each inclusion proof on standard input (lines as in check.mjs)
//   node sigstore.mjs notes       size and root in hexadecimal for each checkpoint (a note in hexadecimal)
//   node sigstore.mjs documents   the bytes that a signature covers, for each "type body" (in hexadecimal)
//
// The deep paths are not a public interface; package.json pins the version.

import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const root = path.dirname(require.resolve("@sigstore/verify"));
const { verifyMerkleInclusion } = require(path.join(root, "tlog", "merkle.js"));
const { LogCheckpoint } = require(path.join(root, "tlog", "checkpoint.js"));
const { dsse } = require("@sigstore/core");
const unhex = (text) => (text === "-" ? Buffer.alloc(0) : Buffer.from(text, "hex"));

function holds([kind, size, index, entry, logHash, hashes]) {
  if (kind !== "I") throw new Error("only inclusion proofs are known here");
  const proof = { logIndex: index, hashes: hashes === "-" ? [] : hashes.split(",").map(unhex) };
  try {
    verifyMerkleInclusion({ inclusionProof: proof, canonicalizedBody: unhex(entry) }, { logSize: BigInt(size), logHash: unhex(logHash) });
  } catch (error) {
    if (error.name === "VerificationError" || error.code === "TLOG_INCLUSION_PROOF_ERROR") return "n";
    throw error;
  }
  return "y";
}

function state([raw]) {
  const { origin, logSize, logHash } = LogCheckpoint.fromString(unhex(raw).toString().split("\n\n")[0] + "\n");
  return `${origin} ${logSize} ${logHash.toString("hex")}`;
}

const commands = {
  proofs: holds,
  notes: state,
  documents: ([kind, body]) => dsse.preAuthEncoding(unhex(kind).toString(), unhex(body)).toString("hex"),
};
const answers = [];
for await (const line of createInterface({ input: process.stdin })) {
  answers.push(`${commands[process.argv[2]](line.split(" "))}\n`);
}
process.stdout.write(answers.join(""));
