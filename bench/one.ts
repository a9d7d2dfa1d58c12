// One workload in a process of its own: `one.js NAME ROUNDS` prints the times of all sides as JSON.
import { Bench } from "tinybench"
import { agree, rounding } from "./agree.ts"
import { byHand, generated, type Side } from "./generated.ts"
import { works } from "./rows.ts"

/** What a process found, in ms. */
export interface Times {
  readonly title: string
  readonly byHand: number
  readonly js: number
  readonly wasm: number
  /** Two threads, on the clock, as `of` one thread on the same clock: the shortest of many. */
  readonly threads: { readonly ms: number; readonly of: number }
}

const median = (samples: readonly number[]): number =>
  [...samples].sort((a, b) => a - b)[samples.length >> 1]!

const [name, rounds] = process.argv.slice(2)
const work = works.find((one) => one.name === name)!

// An engine that meets a long loop first compiles it while it runs, and may stay with that slow code for good. Here it meets
// all sides in many short calls, as in a program that runs for longer than a moment.
const small = work.at(work.sizes[0])
const makers = {
  hand: byHand,
  js: generated(small, { target: "js" }),
  wasm: generated(small, { target: "wasm" }),
  threads: generated(small, { target: "wasm", threads: 2 }),
}
const learning = new Bench({ time: 500, warmup: false })
for (const [side, make] of Object.entries(makers)) learning.add(side, make(small).run)
await learning.run()

const row = work.at(work.sizes[3])
const sides = Object.values(makers).map((make) => make(row))
const answers = sides.map(({ run, out }) => ({ loss: run(), grad: out }))
for (const answer of answers.slice(1)) agree(row.title, answers[0]!, answer, rounding)

// Rounds alternate, so that a change of clock or load meets all sides; time that other programs had the processor for is not counted.
const now = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const [byOne, byTwo] = sides.slice(2) as [Side, Side]
const samples: number[][] = sides.slice(0, 3).map(() => [])
for (let round = 0; round < Number(rounds); round++) {
  const bench = new Bench({ now, time: 100, iterations: 1, warmup: false, retainSamples: true })
  sides.slice(0, 3).forEach(({ run }, side) => bench.add(String(side), run))
  await bench.run()
  for (const [side, task] of bench.tasks.entries()) {
    if (!("latency" in task.result)) throw new Error(`${row.title}: ${task.name} did not finish`)
    samples[side]!.push(...(task.result.latency.samples ?? []))
  }
}
const [hand, js, wasm] = samples.map(median) as [number, number, number]

// Of two threads the clock is what counts. Each side has the processor to itself in the shortest run.
let [ms, of] = [Infinity, Infinity]
const timed = (run: () => void): number => {
  const start = performance.now()
  run()
  return performance.now() - start
}
for (const end = performance.now() + 200 * Number(rounds); performance.now() < end;) {
  of = Math.min(of, timed(byOne.run))
  ms = Math.min(ms, timed(byTwo.run))
}
const times: Times = { title: row.title, byHand: hand, js, wasm, threads: { ms, of } }
process.stdout.write(JSON.stringify(times))
