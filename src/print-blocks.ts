// How the outermost loops of a kernel are cut into blocks for threads, as text for `explain`.
import { type Cut, type Obstacle, blocksOf, isCut } from "./blocks.ts"
import { blockSizes } from "./blocks/cut.ts"
import type { Buffer, Kernel } from "./loops.ts"

/** One line for each outermost loop. Arrays are called as in the text of the loops. */
export function printBlocks(kernel: Kernel): string {
  const name = (b: Buffer): string =>
    b.kind === "scratch" ? `row${kernel.scratch.indexOf(b)}` : b.name === "loss" ? "loss" : `d_${b.name}`
  const lines = [...blocksOf(kernel)].map(([{ axis }, how]) => `for ${axis}: ${textOf(how, name)}`)
  if (lines.length === 0) return "no loops"
  const { elements, rows, many } = blockSizes
  const usual = `a block has at least about ${elements} elements, and ${rows} iterations unless that makes fewer than ${many} blocks`
  return [usual, ...lines].join("\n")
}

function textOf(how: Cut | Obstacle, name: (b: Buffer) => string): string {
  if (!isCut(how)) {
    if (how.kind === "extent") return "one thread, because its extent is computed from values"
    const what = typeof how.what === "number" ? "a variable" : name(how.what)
    return how.kind === "order"
      ? `one thread, because an iteration reads what others did to ${what}`
      : `one thread, because iterations may write the same elements of ${what}`
  }
  const list = (buffers: Iterable<Buffer>): string => [...buffers].map(name).join(", ")
  const { sums, own, spread } = how
  return [
    "blocks",
    ...(sums.size > 0
      ? [`${sums.size === 1 ? "a sum" : `${sums.size} sums`} of each, combined in order`]
      : []),
    ...(spread.size > 0 ? [`each has a copy of ${list(spread.keys())}, combined in order`] : []),
    ...(own.length > 0 ? [`each thread has its own ${list(own)}`] : []),
  ].join("; ")
}
