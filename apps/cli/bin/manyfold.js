#!/usr/bin/env node
// Committed, since npm links no bin whose file is missing at install time and dist is built later.
import "../dist/main.js";
