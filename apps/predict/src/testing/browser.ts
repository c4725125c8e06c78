import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

/** Debian's Chromium, or what else the machine has. */
export const CHROMIUM = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));

/** Starts the browser without a window. */
export function openBrowser() {
  return chromium.launch({
    executablePath: CHROMIUM ?? "",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
}
