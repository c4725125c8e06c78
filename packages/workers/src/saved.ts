import { z } from "zod";
import type { Reported } from "./outcome.ts";

/** What is kept of a call between two parts of it. */
export interface Saved {
  readonly reported: readonly Reported[];
  /** The user's own bytes; undefined where it saved none. */
  readonly bytes: Uint8Array | undefined;
}

const Header = z.strictObject({
  reported: z.array(z.strictObject({ step: z.int(), value: z.number() })),
  saved: z.boolean(),
});

/** Length of the JSON header (uint32, little-endian), the header, the user's own bytes. */
export function encodeSaved({ reported, bytes }: Saved): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(JSON.stringify({ reported, saved: bytes !== undefined }));
  const whole = new Uint8Array(4 + header.length + (bytes?.length ?? 0));
  new DataView(whole.buffer).setUint32(0, header.length, true);
  whole.set(header, 4);
  if (bytes) whole.set(bytes, 4 + header.length);
  return whole;
}

export function decodeSaved(whole: Uint8Array): Saved {
  const { buffer, byteOffset, byteLength } = whole;
  const end = 4 + new DataView(buffer, byteOffset, byteLength).getUint32(0, true);
  const text = new TextDecoder().decode(whole.slice(4, end));
  const { reported, saved } = Header.parse(JSON.parse(text));
  return { reported, bytes: saved ? whole.slice(end) : undefined };
}
