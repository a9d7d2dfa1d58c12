// Node 20 has the relaxed instructions of WebAssembly behind a flag, later ones have neither the flag nor the need.
import { setFlagsFromString } from "node:v8"

const FLAG = "--experimental-wasm-relaxed-simd"

/** The arguments of a process that has them if any has. */
export const RELAXED: readonly string[] = process.version.startsWith("v20.") ? [FLAG] : []

/** Turns them on in this process: each file of tests has its own. */
export function allowRelaxed(): void {
  for (const flag of RELAXED) setFlagsFromString(flag)
}
