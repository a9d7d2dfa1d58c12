// `npm run docs`: writes the catalogue of the library, and removes pages and pictures of what is no longer there.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { catalogue } from "./catalogue.ts"

const folder = new URL("../../docs/", import.meta.url)
const files = catalogue()
for (const part of ["curves", "losses"]) {
  mkdirSync(new URL(`${part}/`, folder), { recursive: true })
  for (const name of readdirSync(new URL(`${part}/`, folder)))
    if (!files.has(`${part}/${name}`)) rmSync(new URL(`${part}/${name}`, folder))
}
for (const [path, text] of files) writeFileSync(new URL(path, folder), text)
process.stdout.write(`wrote ${files.size} files to docs/\n`)
