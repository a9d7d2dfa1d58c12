// One workload in a process of its own: `one.js NAME ROUNDS` prints the times of both sides as JSON.
import { Bench } from "tinybench"
import { generated } from "./generated.ts"
import { type Row, works } from "./rows.ts"

/** What a process found, in ms. */
export interface Times {
  readonly title: string
  readonly byHand: number
  readonly byUs: number
}

const median = (samples: readonly number[]): number =>
  [...samples].sort((a, b) => a - b)[samples.length >> 1]!

const buffers = (row: Row): Record<string, Float32Array> =>
  Object.fromEntries(row.grad.map((name) => [name, new Float32Array(row.inputs[name]!.length)]))

const [name, rounds] = process.argv.slice(2)
const work = works.find((one) => one.name === name)!

// An engine that meets a long loop first compiles it while it runs, and may stay with that slow code for good. Here it meets
// both sides in many short calls, as in a program that runs for longer than a moment.
const small = work.small()
const ours = generated(small)
const smallOuts = [buffers(small), buffers(small)] as const
const learning = new Bench({ time: 500, warmup: false })
learning.add("hand", () => small.byHand(smallOuts[0])).add("ours", ours(small, smallOuts[1]))
await learning.run()

const row = work.large()
const outs = [buffers(row), buffers(row)] as const
const sides = [() => row.byHand(outs[0]), ours(row, outs[1])] as const
agree(sides[0](), sides[1]())

// Rounds alternate, so that a change of clock or load meets both sides; time that other programs had the processor for is not counted.
const now = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const samples: [number[], number[]] = [[], []]
for (let round = 0; round < Number(rounds); round++) {
  const bench = new Bench({ now, time: 100, iterations: 1, warmup: false, retainSamples: true })
  bench.add("hand", sides[0]).add("ours", sides[1])
  await bench.run()
  for (const [side, task] of bench.tasks.entries()) {
    if (!("latency" in task.result)) throw new Error(`${row.title}: ${task.name} did not finish`)
    samples[side]!.push(...(task.result.latency.samples ?? []))
  }
}
const times: Times = { title: row.title, byHand: median(samples[0]), byUs: median(samples[1]) }
process.stdout.write(JSON.stringify(times))

/** Throws if the two sides do not compute the same. */
function agree(hand: number, ours: number): void {
  if (!(Math.abs(hand - ours) <= 1e-6 * Math.abs(hand)))
    throw new Error(`${row.title}: ${hand} by hand, ${ours} by lossc`)
  for (const name of row.grad) {
    const [wanted, found] = outs.map((out) => out[name]!) as [Float32Array, Float32Array]
    const largest = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    for (let i = 0; i < wanted.length; i++)
      if (!(Math.abs(wanted[i]! - found[i]!) <= 1e-5 * largest))
        throw new Error(
          `${row.title}: gradient of ${name}[${i}] is ${wanted[i]} by hand, ${found[i]} by lossc`,
        )
  }
}
