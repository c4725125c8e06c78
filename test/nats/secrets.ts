import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nkeys } from "@nats-io/transport-node";

/** A pair of keys of NATS: the server knows the public one alone. */
export function userKeys(): { readonly seed: string; readonly publicKey: string } {
  const pair = nkeys.createUser();
  return { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() };
}

type Pair = ReturnType<typeof nkeys.createUser>;

/** A token as NATS signs them: claims under a key. */
function signed(by: Pair, claims: Readonly<Record<string, unknown>>): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = encode({ typ: "JWT", alg: "ed25519-nkey" });
  const issued = { jti: "test", iat: Math.floor(Date.now() / 1000), iss: by.getPublicKey() };
  const text = `${head}.${encode({ ...issued, ...claims })}`;
  const signature = by.sign(new TextEncoder().encode(text));
  return `${text}.${Buffer.from(signature).toString("base64url")}`;
}

/** A server's file with an operator, an account and a user of it, and that user's creds. */
export function operated(): { readonly config: string; readonly creds: string; seed: string } {
  const [operator, account, system, user] = [
    nkeys.createOperator(),
    nkeys.createAccount(),
    nkeys.createAccount(),
    nkeys.createUser(),
  ];
  const all = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1 };
  const store = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const accountOf = (pair: Pair, name: string, limits: object) =>
    signed(operator, {
      sub: pair.getPublicKey(),
      name,
      nats: { type: "account", version: 2, limits: { ...all, wildcards: true, ...limits } },
    });
  const root = signed(operator, {
    sub: operator.getPublicKey(),
    name: "operator",
    nats: { type: "operator", version: 2, system_account: system.getPublicKey() },
  });
  const ticket = signed(account, {
    sub: user.getPublicKey(),
    name: "user",
    nats: { type: "user", version: 2, subs: -1, data: -1, payload: -1, pub: {}, sub: {} },
  });
  const config = `jetstream {}
operator: ${root}
system_account: ${system.getPublicKey()}
resolver: MEMORY
resolver_preload: {
  ${account.getPublicKey()}: ${accountOf(account, "team", store)}
  ${system.getPublicKey()}: ${accountOf(system, "system", {})}
}
`;
  const seed = new TextDecoder().decode(user.getSeed());
  const creds = `-----BEGIN NATS USER JWT-----
${ticket}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`;
  return { config, creds, seed };
}

/** An authority of one's own, and what it signed: a server's and a client's certificate. */
export function certificates(folder: string) {
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => {
    execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const of = (name: string) => ["-keyout", `${name}.key`, "-subj", `/CN=${name}`];
  openssl("req", "-x509", ...key, ...of("authority"), "-out", "authority.pem", "-days", "2");
  for (const name of ["server", "client"]) {
    openssl("req", ...key, ...of(name), "-out", `${name}.csr`);
    writeFileSync(path(`${name}.ext`), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    const by = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"];
    const out = ["-out", `${name}.pem`, "-days", "2", "-extfile", `${name}.ext`];
    openssl("x509", "-req", "-in", `${name}.csr`, ...by, ...out);
  }
  return {
    authority: path("authority.pem"),
    server: { certificate: path("server.pem"), key: path("server.key") },
    client: { certificate: path("client.pem"), key: path("client.key") },
  };
}
