import { ManyfoldError, show, type Complaint, type ErrorCode } from "@manyfold/protocol";
import { z } from "zod";
import type { Limits } from "./limits.ts";

/** The one form of all error answers. */
export const ErrorAnswer = z.strictObject({
  status: z.literal("error"),
  error: z.strictObject({
    /** `input`, `usage` (the request); `environment` (too slow, closing); `internal`. */
    code: z.string(),
    /** `<path> must be <condition>, got <value>.` and a line of help. */
    message: z.string(),
    /** `rows.3.bmi`, `body`, `content-type`, `url`. */
    path: z.string(),
  }),
});
export type ErrorAnswer = z.infer<typeof ErrorAnswer>;

/** A request that is refused with a status of its own. */
export class Refused extends Error {
  readonly status: number;
  readonly complaint: Complaint;

  constructor(status: number, complaint: Complaint) {
    super(complaint.condition);
    this.name = "Refused";
    this.status = status;
    this.complaint = complaint;
  }
}

/** An error as it is answered. */
export interface Failure {
  /** HTTP status. */
  readonly status: number;
  readonly answer: ErrorAnswer;
}

/** What is known of the request that failed. */
export interface Failed {
  readonly method: string;
  readonly url: string;
  readonly contentType: string | undefined;
}

const STATUS: { readonly [Code in ErrorCode]: number } = {
  usage: 400,
  config: 400,
  input: 400,
  artifact: 500,
  journal: 500,
  environment: 503,
  internal: 500,
};

type Told = readonly [status: number, complaint: Complaint];
type Rule = (request: Failed, limits: Limits) => Told;

const notJson: Rule = () => [
  400,
  {
    code: "input",
    path: "body",
    condition: "JSON",
    help: "The names __proto__ and constructor.prototype are refused too, and so is an empty body.",
  },
];

/** Errors of fastify and of node's HTTP server, by their code. */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  [
    "FST_ERR_NOT_FOUND",
    ({ method, url }) => [
      404,
      {
        code: "usage",
        path: "url",
        condition: "one of POST /predict, GET /model, GET /models, GET /docs",
        got: `${method} ${url.length > 80 ? `${url.slice(0, 77)}...` : url}`,
        help: "GET /docs describes them all.",
      },
    ],
  ],
  ["FST_ERR_BAD_URL", () => [400, { code: "usage", path: "url", condition: "a valid URL" }]],
  [
    "FST_ERR_CTP_INVALID_MEDIA_TYPE",
    ({ contentType }) => [
      415,
      {
        code: "input",
        path: "content-type",
        condition: "application/json or text/csv",
        got: show(contentType),
      },
    ],
  ],
  [
    "FST_ERR_CTP_BODY_TOO_LARGE",
    (_, { bodyBytes }) => [
      413,
      {
        code: "input",
        path: "body",
        condition: `at most ${bodyBytes} bytes`,
        help: "Send the rows in several requests.",
      },
    ],
  ],
  [
    "FST_ERR_CTP_INVALID_CONTENT_LENGTH",
    () => [400, { code: "input", path: "body", condition: "as long as its content-length says" }],
  ],
  ["FST_ERR_CTP_EMPTY_JSON_BODY", notJson],
  ["FST_ERR_CTP_INVALID_JSON_BODY", notJson],
  [
    "ERR_HTTP_REQUEST_TIMEOUT",
    (_, { milliseconds }) => [
      408,
      { code: "input", path: "request", condition: `complete within ${milliseconds} ms` },
    ],
  ],
  [
    "HPE_HEADER_OVERFLOW",
    () => [431, { code: "input", path: "headers", condition: "at most 16 KiB together" }],
  ],
]);

/** What is answered to a request that failed. Nothing of an unforeseen error is told. */
export function failureOf(error: unknown, request: Failed, limits: Limits): Failure {
  if (error instanceof Refused) return failureFrom([error.status, error.complaint]);
  if (error instanceof ManyfoldError && STATUS[error.code] !== 500) {
    return failure(STATUS[error.code], error);
  }
  const rule = RULES.get(String(property(error, "code")));
  if (rule !== undefined) return failureFrom(rule(request, limits));
  const status = property(error, "statusCode");
  if (typeof status === "number" && status >= 400 && status < 500) {
    return failureFrom([status, { code: "input", path: "request", condition: "valid HTTP" }]);
  }
  return failureFrom([
    500,
    {
      code: "internal",
      path: "server",
      condition: "able to answer",
      help: "It failed; its log says why.",
    },
  ]);
}

function failureFrom([status, complaint]: Told): Failure {
  return failure(status, new ManyfoldError(complaint));
}

function failure(status: number, { code, message, path }: ManyfoldError): Failure {
  return { status, answer: { status: "error", error: { code, message, path } } };
}

function property(error: unknown, name: "code" | "statusCode"): unknown {
  return typeof error === "object" && error !== null
    ? (error as Partial<Record<typeof name, unknown>>)[name]
    : undefined;
}
