// A digest of source files, kept with what is built of them, so that a test without npm sees a bundle that is out of date.
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";

/** The SHA-256 of the files in some folders, not in folders inside: of each name, sorted, and what is in it. */
export async function digest(...folders) {
  const hash = createHash("sha256");
  for (const folder of folders) {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const name of entries.filter((entry) => entry.isFile()).map((entry) => entry.name).sort()) {
      hash.update(`${name}\n`);
      hash.update(await readFile(`${folder}/${name}`));
    }
  }
  return hash.digest("hex");
}
