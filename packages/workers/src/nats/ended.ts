import type { Clock } from "@manyfold/protocol";
import { boundedCache } from "../bounded-cache.ts";
import { readLease } from "./lease.ts";
import type { Names } from "./subjects.ts";
import type { Transport } from "./transport.ts";
