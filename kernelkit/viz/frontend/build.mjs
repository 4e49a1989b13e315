// Bundles each folder of src that has an index.ts, or those named, into ../static/<folder>.js; with --test, the tests
// into build/.
import { build, transform } from "esbuild";
import { existsSync } from "node:fs";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { digest } from "./sources.mjs";

const LIMIT = 120; // KiB: anywidget sends the bundle again for each widget

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
  const named = process.argv.slice(2);
  for (const name of named.length ? named : await readdir("src")) {
    if (existsSync(`src/${name}/index.ts`)) await bundle(name);
  }
}

async function bundle(name) {
  const outfile = `../static/${name}.js`;
  const options = { ...shared, entryPoints: [`src/${name}/index.ts`], outfile, minify: true, legalComments: "none" };
  const { metafile } = await build({ ...options, metafile: true });
  const from = `// Sources: ${await digest(`src/${name}`, "src/shared")}`;
  const code = `${await banner(metafile)}\n${from}\n${await readFile(outfile, "utf8")}`;
  await writeFile(outfile, code);
  const size = Buffer.byteLength(code) / 1024;
  console.log(`${outfile}: ${size.toFixed(1)} KiB`);
  if (size > LIMIT) throw new Error(`${outfile} is larger than ${LIMIT} KiB.`);
}

/** Say where a bundle comes from, and whose packages it contains. */
async function banner(metafile) {
  const found = Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  const packages = [...new Set(found.filter(Boolean))].sort();
  const credits = await Promise.all(packages.map(async (name) => {
    const { version, author, license } = JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8"));
    const holder = (typeof author === "string" ? author : author?.name ?? "its authors").replace(/\s*[<(].*$/, "");
    return ` Contains ${name} ${version}, (c) ${holder}, ${license} licence.`;
  }));
  return `// Built by npm run build from kernelkit/viz/frontend.${credits.join("")}`;
}
