// One workload on one target in a process of its own: `one.js NAME ROUNDS TARGET` prints the times of both sides as JSON.
//
// Of its own, because memory of WebAssembly that grows detaches the buffer that it had, and from the first buffer that a
// process detaches V8 tests at every access of every typed array whether its buffer is still there: JavaScript loops, by hand
// or not, are slower from then on.
import { Bench } from "tinybench"
import { agree, rounding } from "./agree.ts"
import { byHand, generated, type Side } from "./generated.ts"
import { others, works } from "./rows.ts"

/** What a process found, in ms. */
export interface Times {
  readonly title: string
  readonly byHand: number
  readonly generated: number
  /** For wasm: two threads, on the clock, as `of` one thread on the same clock: the shortest of many. */
  readonly threads?: { readonly ms: number; readonly of: number }
}

const median = (samples: readonly number[]): number =>
  [...samples].sort((a, b) => a - b)[samples.length >> 1]!

const [name, rounds, target] = process.argv.slice(2) as [string, string, "js" | "wasm"]
const work = [...works, ...others].find((one) => one.name === name)!

// An engine that meets a long loop first compiles it while it runs, and may stay with that slow code for good. Here it meets
// all sides in many short calls, as in a program that runs for longer than a moment.
const small = work.at(work.sizes[0])
const makers = {
  hand: byHand,
  generated: generated(small, { target }),
  ...(target === "wasm" && { threads: generated(small, { target, threads: 2 }) }),
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
const samples: [number[], number[]] = [[], []]
for (let round = 0; round < Number(rounds); round++) {
  const bench = new Bench({ now, time: 100, iterations: 1, warmup: false, retainSamples: true })
  sides.slice(0, 2).forEach(({ run }, side) => bench.add(String(side), run))
  await bench.run()
  for (const [side, task] of bench.tasks.entries()) {
    if (!("latency" in task.result)) throw new Error(`${row.title}: ${task.name} did not finish`)
    samples[side]!.push(...(task.result.latency.samples ?? []))
  }
}
const [one, two] = sides.slice(1)
const times: Times = {
  title: row.title,
  byHand: median(samples[0]),
  generated: median(samples[1]),
  ...(one && two && { threads: shortest(one, two) }),
}
process.stdout.write(JSON.stringify(times))

/** Of two threads the clock is what counts. Each side has the processor to itself in the shortest run. */
function shortest(one: Side, two: Side): { readonly ms: number; readonly of: number } {
  const timed = (run: () => void): number => {
    const start = performance.now()
    run()
    return performance.now() - start
  }
  let [ms, of] = [Infinity, Infinity]
  for (const end = performance.now() + 200 * Number(rounds); performance.now() < end;) {
    of = Math.min(of, timed(one.run))
    ms = Math.min(ms, timed(two.run))
  }
  return { ms, of }
}
