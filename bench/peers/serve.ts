// `serve.js SIDE ROW FOLDER`: a side that runs in Node, as a process that process.ts asks. FOLDER is where libraries are installed.
import { writeFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { type Row, type Work, works } from "../rows.ts"
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
async function fastest(run: () => unknown, ms: number): Promise<number> {
  const group = async (calls: number): Promise<number> => {
    const start = now()
    for (let k = 0; k < calls; k++) {
      const result = run()
      if (result instanceof Promise) await result
    }
    return now() - start
  }
  const calls = Math.ceil(2e6 / Math.max(await group(1), 1))
  let best = Infinity
  for (let used = 0; used < ms * 1e6;) {
    const took = await group(calls)
    best = Math.min(best, took / calls)
    used += took
  }
  return best
}

async function load(to: string, sizes: readonly string[]): Promise<() => unknown> {
  const same = (row: Row): boolean => row.sizes.join() === sizes.join()
  const row = work.sizes.map(work.at).find(same)!
  const { run, grad } = await make(row)
  const loss = await run()
  const arrays = await grad()
  arrays.forEach((array, k) =>
    writeFileSync(`${to}/${side}.${k}`, new Uint8Array(array.buffer, array.byteOffset, array.byteLength)),
  )
  process.stdout.write(`${loss}\n`)
  return run
}

let run: () => unknown = () => undefined
for await (const line of createInterface({ input: process.stdin })) {
  const [word, first, ...rest] = line.split(" ")
  if (word === "load") run = await load(first!, rest)
  else process.stdout.write(`${await fastest(run, Number(first))}\n`)
}
