import type { Preprocessing } from "@manyfold/protocol";
import { expect, onTestFinished } from "vitest";
import { createPredictServer, ErrorAnswer, type Limits, type PredictAnswer } from "../index.ts";
import { opened } from "./tiny-artifact.ts";

/** A server that ends with the test. */
export async function serverOf(
  preprocessing: Preprocessing,
  networks: readonly Float32Array[],
  limits: Partial<Limits> = {},
) {
  const artifact = opened(preprocessing, networks);
  const server = await createPredictServer({ artifact, limits });
  onTestFinished(() => server.close());
  return server;
}

export type Server = Awaited<ReturnType<typeof serverOf>>;

/** Predicts rows that are right. */
export async function predict(server: Server, body: object): Promise<PredictAnswer["predictions"]> {
  const answer = await server.inject({ method: "POST", url: "/predict", payload: body });
  expect(answer.statusCode).toBe(200);
  return answer.json<PredictAnswer>().predictions;
}

/** Sends a body that has to be refused; no answer tells where our code is. */
export async function refusal(
  server: Server,
  payload: string | object,
  headers: Record<string, string> = { "content-type": "application/json" },
) {
  const answer = await server.inject({ method: "POST", url: "/predict", payload, headers });
  expect(answer.body).not.toMatch(/\.ts:|node_modules|\n\s+at /);
  expect(answer.body.length).toBeLessThan(1000);
  const { error } = ErrorAnswer.parse(answer.json());
  return { status: answer.statusCode, ...error };
}
