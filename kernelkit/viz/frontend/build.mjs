// Bundles the panel into ../static/curves.js; with --test, the tests into build/.
import { build, transform } from "esbuild";
import { readFile, readdir, writeFile } from "node:fs/promises";

const css = {
  name: "css-as-text",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};
const shared = { bundle: true, format: "esm", target: "es2022", charset: "utf8", plugins: [css], logLevel: "warning" };

if (process.argv.includes("--test")) {
  const files = (await readdir("test")).filter((name) => name.endsWith(".test.ts"));
  await build({ ...shared, entryPoints: files.map((name) => `test/${name}`), outdir: "build", platform: "node" });
} else {
  const uplot = JSON.parse(await readFile("node_modules/uplot/package.json", "utf8"));
  const banner = `// Built by npm run build from kernelkit/viz/frontend. Contains uPlot ${uplot.version}, (c) Leon Sorokin, MIT licence.`;
  const out = "../static/curves.js";
  await build({ ...shared, entryPoints: ["src/index.ts"], outfile: out, minify: true, legalComments: "none", banner: { js: banner } });
  const size = (await readFile(out)).length;
  console.log(`${out}: ${(size / 1024).toFixed(1)} KiB`);
  if (size > 120 * 1024) throw new Error("The bundle is larger than 120 KiB.");
}
