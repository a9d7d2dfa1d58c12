// `serve.js SIDE ROW FOLDER`: a side that runs in Node, as a process that process.ts asks. FOLDER is where libraries are installed.
import { writeFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { type Work, works } from "../rows.ts"
import { type Peer, peers } from "./sides.ts"

const [side, name, folder] = process.argv.slice(2) as [string, string, string]
const work = works.find((one) => one.name === name) as Work
const { prepare, clock } = peers[side] as Peer
const make = await prepare(work.at(work.sizes[0]), folder)

/** In ns. */
const now: () => number =
  clock === "wall"
    ? () => performance.now() * 1e6
    : () => {
        const { user, system } = process.cpuUsage()
        return (user + system) * 1000
      }

/** ns of a call: the fastest of several groups of calls that fill `ms` together, each long enough for the clock. */
function fastest(run: () => unknown, ms: number): number {
  const group = (calls: number): number => {
    const start = now()
    for (let k = 0; k < calls; k++) run()
    return now() - start
  }
  const once = group(1)
  if (once > ms * 1e6) return once
  const calls = Math.ceil(2e6 / Math.max(once, 1))
  let best = Infinity
  for (let used = 0; used < ms * 1e6;) {
    const took = group(calls)
    best = Math.min(best, took / calls)
    used += took
  }
  return best
}

function load(to: string, size: number): () => unknown {
  const { run, grad, note = "" } = make(work.at(work.sizes[size]!))
  const loss = run()
  grad().forEach((array, k) =>
    writeFileSync(`${to}/${side}.${k}`, new Uint8Array(array.buffer, array.byteOffset, array.byteLength)),
  )
  process.stdout.write(`${loss} ${note}\n`)
  return run
}

let run: () => unknown = () => undefined
for await (const line of createInterface({ input: process.stdin })) {
  const [word, first, size] = line.split(" ")
  if (word === "load") run = load(first!, Number(size))
  else process.stdout.write(`${fastest(run, Number(first))}\n`)
}
