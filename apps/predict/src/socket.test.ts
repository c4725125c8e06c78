import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { encodeArtifact } from "@manyfold/ensemble";
import { expect, onTestFinished, test } from "vitest";
import { createPredictServer, ErrorAnswer, startPredictServer } from "./index.ts";
import { serverOf, type Server } from "./testing/requests.ts";
import { care, careNetworks, content, patient } from "./testing/tiny-artifact.ts";

const run = promisify(execFile);

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "manyfold-predict-"));
  onTestFinished(() => rm(path, { recursive: true }));
  const files = encodeArtifact(content(care, careNetworks.length), careNetworks);
  await writeFile(join(path, "manifest.json"), files.manifest);
  await writeFile(join(path, "weights.safetensors"), files.weights);
  return path;
}

test("an artifact's folder is served on the loopback, and a taken port is an error", async () => {
  const artifact = await folder();
  const server = await startPredictServer({ artifact, port: 0 });
  onTestFinished(() => server.close());
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const answer = await fetch(`${server.url}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ rows: [patient] }),
  });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ predictions: [{ values: { cost: 172.5 } }] });

  const port = Number(new URL(server.url).port);
  await expect(startPredictServer({ artifact, port })).rejects.toMatchObject({
    code: "environment",
    message: expect.stringContaining("choose another port"),
  });
  await server.close();
  await server.close();
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow("fetch failed");
});

test("the example of the README runs", async () => {
  const root = join(import.meta.dirname, "../../..");
  const page = await readFile(join(root, "apps/predict/README.md"), "utf8");
  const block = /^```ts\n(.*?)^```$/ms.exec(page)?.[1] ?? "";
  const code = block.replace("RUN_DIR/artifact", await folder());
  const flags = ["--conditions=@manyfold/source", "--import", "tsx", "--input-type=module"];
  const { stdout } = await run(process.execPath, [...flags, "--eval", code], { cwd: root });
  // Encoded (0, 0, 0, 1, 0): 0.5 and -0.75, beside 1 and 2.
  expect(JSON.parse(stdout)).toMatchObject({
    predictions: [{ values: { cost: 107.5, days: 0.625 } }],
  });
});

test("a folder without an artifact, or with a damaged one, starts nothing", async () => {
  await expect(createPredictServer({ artifact: join(tmpdir(), "none-such") })).rejects.toThrow(
    "none-such",
  );
  const artifact = await folder();
  await writeFile(join(artifact, "weights.safetensors"), "damaged");
  await expect(startPredictServer({ artifact, port: 0 })).rejects.toMatchObject({
    code: "artifact",
  });
});

/** Opens a connection and collects what comes back until it ends. */
async function raw(server: Server) {
  const { port } = server.server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const ended = once(socket, "close").then(() => text);
  return { socket, ended };
}
const body = JSON.stringify({ rows: [patient] });
const head = `POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`;

/** Status and error of an answer as it went over the wire. */
function parsed(text: string) {
  const [top = "", rest = ""] = text.split("\r\n\r\n");
  return { status: Number(top.split(" ")[1]), ...ErrorAnswer.parse(JSON.parse(rest)).error };
}

test("bytes that are no HTTP, and headers without end", async () => {
  const server = await serverOf(care, careNetworks);
  await server.listen({ port: 0 });
  const noise = await raw(server);
  noise.socket.write("\u0000\u0001 what?\r\n\r\n");
  expect(parsed(await noise.ended)).toMatchObject({ status: 400, path: "request" });
  const large = await raw(server);
  large.socket.write(`GET /model HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`);
  expect(parsed(await large.ended)).toMatchObject({ status: 431, path: "headers" });
  expect((await server.inject("/healthz")).statusCode).toBe(200);
});

test("a client that never ends its request is let go", async () => {
  const server = await serverOf(care, careNetworks, { milliseconds: 200 });
  await server.listen({ port: 0 });
  const slow = await raw(server);
  slow.socket.write(head + body.slice(0, 5));
  expect(parsed(await slow.ended)).toMatchObject({ status: 408, path: "request" });
});

test("closing answers the requests it has, refuses others, and waits for nobody for ever", async () => {
  const server = await serverOf(care, careNetworks, { milliseconds: 1500 });
  await server.listen({ port: 0 });
  const [client, stuck] = [await raw(server), await raw(server)];
  for (const { socket } of [client, stuck]) {
    const arrived = once(server.server, "request");
    socket.write(head.replace("connection: close", "connection: keep-alive") + body.slice(0, 5));
    await arrived;
  }
  const closed = server.close();
  client.socket.write(`${body.slice(5)}GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n`);
  const [first, second] = (await client.ended).split(/(?=HTTP\/1.1 503)/);
  expect(first).toMatch(/^HTTP\/1.1 200 OK.*"cost":172.5/s);
  expect(parsed(second ?? "")).toMatchObject({ status: 503, code: "environment" });
  await closed;
  await stuck.ended;
});
