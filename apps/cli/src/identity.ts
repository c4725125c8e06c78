import { access, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, sep } from "node:path";
import { ManyfoldError } from "@manyfold/protocol";
import type { Credentials } from "@manyfold/workers/nats";
import { z } from "zod";

/** Which servers, and as whom. */
export interface Identity {
  readonly servers: readonly string[];
  readonly credentials: Credentials;
}

/** Where one is asked from when nobody says another place. */
const NEAREST = "nats://127.0.0.1:4222";

/** What is read of a context of the nats command line; it has more, which is none of ours. */
const Context = z.object({
  url: z.string().optional(),
  user: z.string().optional(),
  password: z.string().optional(),
  token: z.string().optional(),
  nkey: z.string().optional(),
  creds: z.string().optional(),
  ca: z.string().optional(),
  cert: z.string().optional(),
  key: z.string().optional(),
});
type Context = z.infer<typeof Context>;

/** Longest context file that is read. */
const LARGEST = 65_536;

/**
 * Says who connects, and where: the environment first, then a context. Neither is part of a
 * configuration, and nothing of them is ever printed.
 *
 * @param named the servers that a flag names
 * @param context the name of a context of the nats command line, or the path of such a file
 * @throws ManyfoldError (`usage`, `input`) where a secret stands in an address, or a file is not to be had
 */
export async function identityOf(
  named: string | undefined,
  context: string | undefined,
): Promise<Identity> {
  const { NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_NKEY, NATS_CREDS } = process.env;
  const { NATS_CA, NATS_CERT, NATS_KEY, NATS_CONTEXT } = process.env;
  const chosen = context ?? NATS_CONTEXT;
  const kept = chosen === undefined ? {} : await readContext(chosen);
  const own = [NATS_USER, NATS_TOKEN, NATS_NKEY, NATS_CREDS].some((value) => value !== undefined);
  // Who the environment names is not mixed with whom the context names.
  const who: Context = own
    ? defined({
        user: NATS_USER,
        password: NATS_PASSWORD,
        token: NATS_TOKEN,
        nkey: NATS_NKEY,
        creds: NATS_CREDS,
      })
    : kept;
  const [authority, certificate, key] = [
    NATS_CA ?? filled(kept.ca),
    NATS_CERT ?? filled(kept.cert),
    NATS_KEY ?? filled(kept.key),
  ];
  const [user, token] = [filled(who.user), filled(who.token)];
  const [nkey, creds] = [filled(who.nkey), filled(who.creds)];
  for (const [what, path] of Object.entries({ NATS_CA: authority, NATS_CERT: certificate })) {
    if (path !== undefined) await readable(what, path);
  }
  return {
    servers: (named ?? filled(kept.url) ?? NEAREST).split(",").map(withoutSecret),
    credentials: {
      ...(user !== undefined && { user, password: who.password ?? "" }),
      ...(token !== undefined && { token }),
      ...(nkey !== undefined && { nkey: await secret("the file of an nkey (NATS_NKEY)", nkey) }),
      ...(creds !== undefined && { creds: await secret("a creds file (NATS_CREDS)", creds) }),
      ...(authority !== undefined && { authority }),
      ...(certificate !== undefined && { certificate }),
      ...(key !== undefined && { key }),
    },
  };
}

/** The nats command line writes empty strings for what is not set. */
function filled(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** Without the keys that have no value. */
function defined(all: { readonly [Key in keyof Context]?: string | undefined }): Context {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A command line is seen by every user of a machine, and an address is printed. */
function withoutSecret(server: string): string {
  if (!server.includes("@")) return server;
  throw new ManyfoldError({
    code: "usage",
    path: "--servers",
    condition: "addresses alone, without a user, password or token",
    got: "one with something before an @",
    help: "Put them into NATS_USER and NATS_PASSWORD, NATS_TOKEN, or a context file (--context).",
  });
}

async function readContext(chosen: string): Promise<Context> {
  const { XDG_CONFIG_HOME = join(homedir(), ".config") } = process.env;
  const isPath = chosen.includes(sep) || chosen.endsWith(".json");
  const path = isPath ? chosen : join(XDG_CONFIG_HOME, "nats", "context", `${chosen}.json`);
  const bytes = await secret("the context", path);
  try {
    if (bytes.byteLength > LARGEST) throw new Error("too long");
    return Context.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    // Its text is not repeated: it holds secrets.
    throw new ManyfoldError({
      code: "input",
      path,
      condition: "a context of the nats command line: a JSON object with url, user, nkey, ...",
      got: "something else",
      help: "nats context save NAME --server nats://head:4222 --nkey FILE writes one.",
    });
  }
}

async function secret(what: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch {
    throw notReadable(what, path);
  }
}

async function readable(what: string, path: string): Promise<void> {
  await access(path).catch(() => {
    throw notReadable(what, path);
  });
}

function notReadable(what: string, path: string): ManyfoldError {
  return new ManyfoldError({
    code: "input",
    path: what,
    condition: "a file that can be read",
    got: path,
  });
}
