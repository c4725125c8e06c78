#!/usr/bin/env node
// Committed, since npm links no bin whose file is missing at install time and dist is built later.
import module from "node:module";

// From Node 22 on the compiled program is kept between starts.
module.enableCompileCache?.();
await import("../dist/bundle/main.js");
