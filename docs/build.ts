// `npm run docs`: writes the catalogue of the library, and removes pictures of losses that are no longer there.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { catalogue } from "./catalogue.ts"

const folder = new URL("../../docs/", import.meta.url)
const files = catalogue()
mkdirSync(new URL("curves/", folder), { recursive: true })
for (const name of readdirSync(new URL("curves/", folder)))
  if (!files.has(`curves/${name}`)) rmSync(new URL(`curves/${name}`, folder))
for (const [path, text] of files) writeFileSync(new URL(path, folder), text)
process.stdout.write(`wrote ${files.size} files to docs/\n`)
