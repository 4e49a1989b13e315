// Bundles src with what it shares with the widgets, and builds JupyterLab's federated extension of it: mime.ts and index.ts
// are loaded at each start, what they import() when it is needed. With --test, bundles the tests into build/.
import { build, transform } from "esbuild";
import { execFileSync } from "node:child_process";
import { readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { digest } from "../kernelkit/viz/frontend/sources.mjs";

const OUT = "built";
const LIMIT = 260; // KiB of JavaScript in all
const EAGER = 15; // KiB that each start of JupyterLab loads, compressed
const SOURCES = ["src", "src/files", "src/trainings", "schema"];
const FRONTEND = "../kernelkit/viz/frontend/src";

const css = {
  name: "css-as-text",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};
const shared = { bundle: true, format: "esm", target: "es2022", charset: "utf8", plugins: [css], logLevel: "warning", alias: { uplot: resolve("node_modules/uplot") } };

if (process.argv.includes("--test")) {
  await rm("build", { recursive: true, force: true });
  const files = (await readdir("test")).filter((name) => name.endsWith(".test.ts"));
  await build({ ...shared, entryPoints: files.map((name) => `test/${name}`), outdir: "build", outExtension: { ".js": ".mjs" }, platform: "node" });
} else {
  await rm(OUT, { recursive: true, force: true });
  await rm("lib", { recursive: true, force: true });
  await build({ ...shared, entryPoints: ["src/mime.ts", "src/index.ts"], outdir: "lib", splitting: true, external: ["@lumino/*", "@jupyterlab/*"] });
  const builder = "node_modules/@jupyter/builder/lib/build-labextension.js";
  execFileSync("node", [builder, "--core-package-file", "node_modules/@jupyterlab/core-meta/core.package.json", "."], { stdio: "inherit" });
  await rm(`${OUT}/build_log.json`, { force: true });
  const how = { packageManager: "python", packageName: "kernelkit", uninstallInstructions: "pip uninstall kernelkit" };
  how.sources = await digest(...SOURCES, `${FRONTEND}/graph`, `${FRONTEND}/curves`, `${FRONTEND}/shared`);
  await writeFile(`${OUT}/install.json`, JSON.stringify(how, null, 2) + "\n");
  await credit("uplot");
  await measure();
}

/** Name a package that is bundled, beside those that the builder names. */
async function credit(name) {
  const { version, license } = JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8"));
  const path = `${OUT}/static/third-party-licenses.json`;
  const found = JSON.parse(await readFile(path, "utf8"));
  found.packages.push({ name, versionInfo: version, licenseId: license, extractedText: await readFile(`node_modules/${name}/LICENSE`, "utf8") });
  await writeFile(path, JSON.stringify(found, null, 2) + "\n");
}

/** Say how large what is built is; fail where it is too large. */
async function measure() {
  let total = 0, eager = 0;
  for (const name of await readdir(`${OUT}/static`)) {
    if (!name.endsWith(".js")) continue;
    const code = await readFile(`${OUT}/static/${name}`);
    total += (await stat(`${OUT}/static/${name}`)).size;
    if (/^remoteEntry|"kernelkit-labextension:(files|graph|history|trainings)"/.test(`${name} ${code}`)) eager += gzipSync(code).length;
  }
  console.log(`${OUT}: ${(total / 1024).toFixed(1)} KiB of JavaScript, ${(eager / 1024).toFixed(1)} KiB of it, compressed, at each start`);
  if (total > LIMIT * 1024) throw new Error(`The extension is larger than ${LIMIT} KiB.`);
  if (eager > EAGER * 1024) throw new Error(`What each start loads is larger than ${EAGER} KiB.`);
}
