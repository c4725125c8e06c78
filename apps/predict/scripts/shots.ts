/** Pictures of an exported page: `shots.ts PAGE.html FOLDER NAME`. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openBrowser } from "../src/testing/browser.ts";

const [page = "", folder = "", name = ""] = process.argv.slice(2);
const browser = await openBrowser();
for (const [size, width, height] of [
  ["desktop", 1100, 640],
  ["phone", 390, 844],
] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    const tab = await browser.newPage({ viewport: { width, height }, colorScheme });
    tab.on("console", (message) => process.stderr.write(`${message.text()}\n`));
    tab.on("pageerror", (error) => process.stderr.write(`${error.message}\n`));
    await tab.goto(pathToFileURL(page).href);
    const canvas = tab.locator("canvas");
    if ((await canvas.count()) > 0) {
      await tab.getByRole("button", { name: "Clear" }).click();
      const box = (await canvas.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      // A three.
      const points = [
        [0.3, 0.12],
        [0.6, 0.1],
        [0.62, 0.3],
        [0.42, 0.45],
        [0.66, 0.6],
        [0.6, 0.85],
        [0.3, 0.88],
      ];
      for (const [i, [x = 0, y = 0]] of points.entries()) {
        await tab.mouse.move(box.x + x * box.width, box.y + y * box.height);
        if (i === 0) await tab.mouse.down();
      }
      await tab.mouse.up();
    }
    await tab.screenshot({
      path: join(folder, `${name}-${size}-${colorScheme}.png`),
      fullPage: size === "phone",
    });
    await tab.close();
  }
}
await browser.close();
