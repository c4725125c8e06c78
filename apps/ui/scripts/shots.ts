/** Pictures of the live page: `shots.ts ADDRESS FOLDER RUN_ID`, ADDRESS as `manyfold ui` prints it. */
import { join } from "node:path";
import { chromium } from "playwright-core";

const [address = "", folder = "", id = ""] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
for (const [size, width, height] of [
  ["desktop", 1040, 700],
  ["phone", 390, 844],
] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    const tab = await browser.newPage({ viewport: { width, height }, colorScheme });
    const shoot = async (name: string) => {
      await tab.waitForTimeout(500);
      await tab.screenshot({
        path: join(folder, `${name}-${size}-${colorScheme}.png`),
        fullPage: size === "phone",
      });
    };
    await tab.goto(address);
    await tab.locator(`[data-run="${id}"]`).waitFor();
    await shoot("runs");
    await tab.goto(`${address}/#/runs/${id}`);
    await tab.locator("#workers table").waitFor();
    await shoot("run");
    await tab.close();
  }
}
await browser.close();
