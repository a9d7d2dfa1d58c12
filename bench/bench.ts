// `npm run bench`: generated kernels beside an expert's loops, and the time from text to kernel for every loss of the library.
//
// Options: --only WORD keeps the rows whose name has the word; --processes N and --rounds N take more samples; --compile or --run
// does one table.
import { execFileSync } from "node:child_process"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { compileTimes } from "./compile.ts"
import type { Times } from "./one.ts"
import { others, works } from "./rows.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    processes: { type: "string", default: "5" },
    rounds: { type: "string", default: "8" },
    compile: { type: "boolean", default: false },
    run: { type: "boolean", default: false },
  },
})
const both = options.compile === options.run

const median = (samples: readonly number[]): number =>
  [...samples].sort((a, b) => a - b)[samples.length >> 1]!
const say = (line: string): void => void process.stdout.write(`${line}\n`)

say(
  `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores, Node ${process.versions.node}`,
)

if (both || options.run) {
  say(
    `\nValue and gradients of the mean, f32 arrays, in ms. Each target and the loop by hand run in turns; medians of ${options.processes} processes a target, in processor time. Two threads: the least time on the clock, and against one thread.\n`,
  )
  say(
    "| work | by hand, Math.exp | js | ratio | in each process | wasm | ratio | in each process | 2 threads | against 1 |",
  )
  say("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
  for (const { name } of [...works, ...others])
    if (name.toLowerCase().includes(options.only.toLowerCase())) say(compare(name))
}

if (both || options.compile) {
  say("\nFrom text to callable kernel with all gradients, warm, medians in ms.\n")
  say("| loss | ms |")
  say("| --- | --- |")
  const times = await compileTimes(options.only)
  for (const { name, ms } of times) say(`| ${name} | ${ms.toFixed(1)} |`)
  const slowest = times.reduce((a, b) => (a.ms > b.ms ? a : b))
  say(
    `\n${times.length} losses, median ${median(times.map(({ ms }) => ms)).toFixed(1)} ms, slowest ${slowest.name} ${slowest.ms.toFixed(1)} ms`,
  )
}

/** One line of the first table: the medians of the processes, and the lowest and highest ratio. */
function compare(name: string): string {
  const path = fileURLToPath(new URL("./one.js", import.meta.url))
  const measure = (target: "js" | "wasm"): Times =>
    JSON.parse(
      execFileSync(process.execPath, [path, name, options.rounds, target], { encoding: "utf8" }),
    ) as Times
  const found = Array.from({ length: Number(options.processes) }, () => ({
    js: measure("js"),
    wasm: measure("wasm"),
  }))
  const columns = (["js", "wasm"] as const).flatMap((target) => {
    const times = found.map((x) => x[target])
    const ratios = times.map((x) => x.byHand / x.generated)
    const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`
    return [median(times.map((x) => x.generated)).toFixed(2), median(ratios).toFixed(2), spread]
  })
  const hand = median(found.map(({ js }) => js.byHand))
  const threads = found.map(({ wasm }) => wasm.threads!)
  columns.push(
    median(threads.map(({ ms }) => ms)).toFixed(2),
    median(threads.map(({ ms, of }) => of / ms)).toFixed(2),
  )
  return `| ${[found[0]!.js.title, hand.toFixed(2), ...columns].join(" | ")} |`
}
