import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { z } from "zod";
import { canonicalJson } from "./json.ts";

/** A sha256 in lower-case hexadecimal: the name of every blob, task and ledger. */
export const Hash = z.string().regex(/^[0-9a-f]{64}$/, "must be a sha256 in hexadecimal");
export type Hash = z.infer<typeof Hash>;

/** The sha256 of bytes, in hexadecimal. Runs in a browser too. */
export function hashBytes(bytes: Uint8Array): Hash {
  return bytesToHex(sha256(bytes));
}

/** The sha256 of a value's canonical JSON: equal values have equal ids on every machine. */
export function hashJson(value: unknown): Hash {
  return hashBytes(utf8ToBytes(canonicalJson(value)));
}
