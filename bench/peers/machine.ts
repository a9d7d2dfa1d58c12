// What a machine is and what it allows, as far as it concerns times.
import { execFileSync } from "node:child_process"
import { cpus } from "node:os"
import { compiler } from "./columns.ts"

export interface Machine {
  readonly text: string
  /** Cycles a ns, measured. */
  readonly clock: number
  /** Bytes a ns of a loop that reads two arrays and writes one, by the bytes of the three arrays. */
  readonly bandwidth: readonly { readonly bytes: number; readonly rate: number }[]
}

/** Asks the program of the limit; undefined where it was not built. */
export function machine(limit: string): Machine | undefined {
  let answer: string
  let version: string
  try {
    answer = execFileSync(limit, ["--machine"], { encoding: "utf8" })
    version = execFileSync(compiler, ["--version"], { encoding: "utf8" }).split("\n")[0]!
  } catch {
    return undefined
  }
  const [bits, clock, ...rates] = answer.split(" ").map(Number) as [number, number, ...number[]]
  const sizes = [12 * 2 ** 13, 12 * 2 ** 17, 12 * 2 ** 22]
  const bandwidth = rates.map((rate, k) => ({ bytes: sizes[k]!, rate }))
  return {
    text: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, vectors of ${bits} bits, ${clock.toFixed(2)} GHz as measured; ${version}`,
    clock,
    bandwidth,
  }
}
