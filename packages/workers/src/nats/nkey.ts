import { nkeys } from "@nats-io/transport-node";

/** A pair of keys of a user of NATS: the server is told the public one, the seed stays with the user. */
export function createNkey(): { readonly seed: string; readonly publicKey: string } {
  const pair = nkeys.createUser();
  return { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() };
}
