// `npm run bench:peers`: ten rows on all targets of lossc, by hand, in other libraries and in C. Writes docs/speed.md.
//
// Options: --only WORD prints the report of the rows whose name has the word, and writes nothing; --processes N, --turns N and
// --ms N, the length of a turn, take more samples; --packages FOLDER is where the libraries were installed.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { columns, root } from "./peers/columns.ts"
import { type Counts, instructions } from "./peers/count.ts"
import { machine } from "./peers/machine.ts"
import { type Measured, measure } from "./peers/measure.ts"
import { report } from "./peers/report.ts"
import { works } from "./rows.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    processes: { type: "string", default: "2" },
    turns: { type: "string", default: "2" },
    ms: { type: "string", default: "40" },
    packages: { type: "string", default: root },
  },
})

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const folder = mkdtempSync(join(tmpdir(), "lossc-bench-"))
try {
  const { here, absent } = columns(options.packages, folder)
  const what = machine(join(folder, "c"))
  for (const line of absent) say(`left out: ${line}`)
  const effort = {
    processes: Number(options.processes),
    turns: Number(options.turns),
    ms: Number(options.ms),
  }
  const rows: Measured[] = []
  const counts = new Map<string, Counts>()
  for (const work of works) {
    if (!work.name.toLowerCase().includes(options.only.toLowerCase())) continue
    const begun = performance.now()
    const row = await measure(work, here, folder, effort)
    rows.push(row)
    counts.set(work.name, await instructions(work.at(work.sizes[2])))
    say(`${row.title} (${((performance.now() - begun) / 1000).toFixed(0)} s)`)
    for (const { side, title } of here) {
      const found = row.found[side]
      say(
        found
          ? `  ${title.padEnd(24)} ${found.ns.map((ns, k) => (ns / row.elements[k]!).toFixed(3).padStart(10)).join("")} ns  ${(found.ns[3]! / 1e6).toFixed(2)} ms, ${found.apart.at(-1)!.loss.toExponential(0)}, ${found.apart.at(-1)!.gradient.toExponential(0)}`
          : `  ${title.padEnd(24)} ${row.missing[side]}`,
      )
    }
  }
  const text = report({
    rows,
    columns: here,
    absent,
    machine: what,
    counts,
    effort: `${options.processes} times all sides start afresh and take ${options.turns} turns`,
  })
  if (options.only === "") writeFileSync(join(root, "docs/speed.md"), text)
  else say(text)
  // That a library has no such loss is no fault; all else is.
  if (rows.some(({ missing }) => Object.values(missing).some((why) => !why.includes("cannot express"))))
    process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true })
}
