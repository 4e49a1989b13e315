// Bundles src/mime.ts with what it shares with the widgets, and builds JupyterLab's federated extension of it.
import { build, transform } from "esbuild";
import { execFileSync } from "node:child_process";
import { readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { digest } from "../kernelkit/viz/frontend/sources.mjs";

const OUT = "built";
const LIMIT = 80; // KiB of JavaScript in all

const css = {
  name: "css-as-text",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

await rm(OUT, { recursive: true, force: true });
await build({
  entryPoints: ["src/mime.ts"], outfile: "lib/mime.js", bundle: true, format: "esm", target: "es2022", charset: "utf8",
  external: ["@lumino/*", "@jupyterlab/*"], plugins: [css], logLevel: "warning",
});
const builder = "node_modules/@jupyter/builder/lib/build-labextension.js";
execFileSync("node", [builder, "--core-package-file", "node_modules/@jupyterlab/core-meta/core.package.json", "."], { stdio: "inherit" });
await rm(`${OUT}/build_log.json`, { force: true });
const how = { packageManager: "python", packageName: "kernelkit", uninstallInstructions: "pip uninstall kernelkit" };
const frontend = "../kernelkit/viz/frontend/src";
how.sources = await digest("src", `${frontend}/graph`, `${frontend}/shared`);
await writeFile(`${OUT}/install.json`, JSON.stringify(how, null, 2) + "\n");

let total = 0;
for (const name of await readdir(`${OUT}/static`)) {
  if (name.endsWith(".js")) total += (await stat(`${OUT}/static/${name}`)).size;
}
console.log(`${OUT}: ${(total / 1024).toFixed(1)} KiB of JavaScript`);
if (total > LIMIT * 1024) throw new Error(`The extension is larger than ${LIMIT} KiB.`);
