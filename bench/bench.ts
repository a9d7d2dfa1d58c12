// `npm run bench`: generated kernels beside an expert's loops, and the time from text to kernel for every loss of the library.
//
// Options: --only WORD keeps the rows whose title has the word; --rounds N takes more samples; --compile or --run does one table.
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { Bench } from "tinybench"
import { compileTimes } from "./compile.ts"
import { rows, type Row } from "./rows.ts"
import { generated } from "./generated.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    compile: { type: "boolean", default: false },
    run: { type: "boolean", default: false },
  },
})
const both = options.compile === options.run

const collect = (globalThis as { gc?: () => void }).gc ?? (() => {})
const median = (samples: readonly number[]): number =>
  [...samples].sort((a, b) => a - b)[samples.length >> 1]!
const say = (line: string): void => void process.stdout.write(`${line}\n`)

say(
  `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores, Node ${process.versions.node}`,
)

if (both || options.run) {
  say("\nValue and gradients of the mean, f32 arrays, one thread, medians in ms; both sides run in turns.\n")
  say("| work | by hand, Math.exp | lossc | ratio |")
  say("| --- | --- | --- | --- |")
  for (const make of rows) {
    const row = make()
    if (!row.title.toLowerCase().includes(options.only.toLowerCase())) continue
    say(await compare(row))
    collect()
  }
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

/** One line of the first table. Rounds alternate, so that a change of clock or load meets both sides. */
async function compare(row: Row): Promise<string> {
  const buffers = (): Record<string, Float32Array> =>
    Object.fromEntries(row.grad.map((name) => [name, new Float32Array(row.inputs[name]!.length)]))
  const handOut = buffers()
  const ourOut = buffers()
  const hand = (): number => row.byHand(handOut)
  const ours = generated(row, ourOut)
  agree(row, hand(), ours(), handOut, ourOut)

  const samples: [number[], number[]] = [[], []]
  for (let round = 0; round < Number(options.rounds); round++) {
    const bench = new Bench({
      time: 300,
      iterations: 3,
      warmupTime: 100,
      warmupIterations: 1,
      retainSamples: true,
    })
    bench.add("hand", hand).add("ours", ours)
    await bench.run()
    for (const [side, task] of bench.tasks.entries()) {
      const result = task.result
      if (!("latency" in result)) throw new Error(`${row.title}: ${task.name} did not finish`)
      samples[side]!.push(...(result.latency.samples ?? []))
    }
  }
  const [byHand, byUs] = samples.map(median) as [number, number]
  return `| ${row.title} | ${byHand.toFixed(2)} | ${byUs.toFixed(2)} | ${(byHand / byUs).toFixed(2)} |`
}

/** Throws if the two sides do not compute the same. */
function agree(
  row: Row,
  hand: number,
  ours: number,
  handOut: Readonly<Record<string, Float32Array>>,
  ourOut: Readonly<Record<string, Float32Array>>,
): void {
  if (!(Math.abs(hand - ours) <= 1e-6 * Math.abs(hand)))
    throw new Error(`${row.title}: ${hand} by hand, ${ours} by lossc`)
  for (const name of row.grad) {
    const largest = handOut[name]!.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    for (let i = 0; i < handOut[name]!.length; i++)
      if (!(Math.abs(handOut[name]![i]! - ourOut[name]![i]!) <= 1e-5 * largest))
        throw new Error(
          `${row.title}: gradient of ${name}[${i}] is ${handOut[name]![i]} by hand, ${ourOut[name]![i]} by lossc`,
        )
  }
}
