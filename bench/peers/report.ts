// Measurements -> docs/speed.md.
import type { Counts } from "./count.ts"
import { builds, type Column, compiler } from "./columns.ts"
import { outcomes, ratio } from "./goals.ts"
import type { Machine } from "./machine.ts"
import type { Measured } from "./measure.ts"
import { profile } from "./profile.ts"

export interface Run {
  readonly rows: readonly Measured[]
  readonly columns: readonly Column[]
  readonly absent: readonly string[]
  readonly machine: Machine | undefined
  /** Instructions an element, by rows. */
  readonly counts: ReadonlyMap<string, Counts>
  readonly effort: string
}

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`

/** A table whose first column is text and whose others are numbers. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [line(head), line(head.map((_, k) => (k === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n")

/** Three digits that count. */
export function short(x: number | undefined): string {
  if (x === undefined) return "-"
  return x >= 100 ? x.toFixed(0) : x.toPrecision(3)
}

const factor = (x: number | undefined): string =>
  x === undefined ? "-" : x >= 10 ? x.toFixed(0) : x.toFixed(2)

export function report(run: Run): string {
  const { rows, columns, absent } = run
  const titles = columns.map(({ title }) => title)
  const titleOf = (side: string): string => columns.find((one) => one.side === side)?.title ?? side
  const each = (cell: (row: Measured, side: string) => string): string =>
    table(
      ["work", ...titles],
      rows.map((row) => [row.title, ...columns.map(({ side }) => cell(row, side))]),
    )
  const results = outcomes(rows)
  const missed = results.filter(({ wanted, found }) => found < wanted)
  const missedRows = rows.filter(({ work }) => missed.some(({ row }) => row === work.name))
  const reasons = [
    ...absent,
    ...new Set(
      rows.flatMap(({ missing }) => Object.entries(missing).map(([side, why]) => `${titleOf(side)}: ${why}`)),
    ),
  ]
  return `# How fast the kernels are

Made by \`npm run bench:peers\` on ${run.machine?.text ?? "a machine without a C compiler"}; Node ${process.versions.node} (V8 ${process.versions.v8}).

Each row is the mean of a loss over a batch and its gradients by the arguments that models produce, over arrays of f32, on the same
numbers for all sides. Every side was first found to compute what lossc does. Times are of one call, from inputs that are where
the side wants them (for lossc wasm in the memory of the kernel, for the libraries on their device, as tensors) to the loss as
a number and the gradients as arrays that JavaScript, Python or C can read. Functions of libraries are traced, compiled and warm.
Each side runs in a process of its own; ${run.effort}. The time of a
process is the fastest group of calls of its turns, that of the table the median of the processes. It is processor time, so that
other programs do not count, except for two threads, where it is the clock on the wall.

- lossc wasm, relaxed: the option \`relaxed\`, multiplications fused with additions, which Node 20 has behind a flag.
- JS by hand: fused loops with \`Math.exp\`, as an expert would write them (\`bench/hand\`).
- jax-js: the wasm backend, \`jit\` of \`valueAndGrad\`; labels as one-hot rows.
- tf.js: its own losses where it has them, on the wasm backend, or the cpu backend where that lacks a kernel ("cpu"); labels as
  one-hot rows.
- PyTorch: eager, one thread.
- C: fused by hand, with polynomials for exponentials (\`bench/peers/limit.c\`), the limit: \`${[compiler, ...builds.c.flags].join(" ")}\`.
- C, 128 bits: the same with what WebAssembly offers, vectors of 4 and no fused multiply-add: \`${[compiler, ...builds.c128.flags].join(" ")}\`.
${reasons.length > 0 ? `\nWithout numbers:\n\n${reasons.map((text) => `- ${text}`).join("\n")}\n` : ""}
## Milliseconds

${each(({ found, notes }, side) => `${short(found[side] && found[side].ns[3]! / 1e6)}${notes[side] ? ` (${notes[side]})` : ""}`)}

## How many times as fast as loops by hand in JavaScript

${each((row, side) => factor(ratio(row, side, "hand")))}

## The part of the speed of C

${each((row, side) => factor(ratio(row, side, "c")))}

## Goals

How many times as fast one side should be as another, and is.

${table(
  ["goal", "wanted", "found", ""],
  results.map(({ row, side, than, wanted, found }) => [
    `${row}: ${titleOf(side)} against ${titleOf(than)}`,
    String(wanted),
    factor(found),
    found < wanted ? "missed" : "reached",
  ]),
)}

## Growth

ns an element, at four sizes of each row. An element is one of the largest argument, for InfoNCE a pair of rows.

${table(
  ["work", "elements", ...titles],
  rows.flatMap((row) =>
    row.elements.map((elements, k) => [
      row.work.name,
      String(elements),
      ...columns.map(({ side }) => short(row.found[side] && row.found[side].ns[k]! / elements)),
    ]),
  ),
)}

## How far apart the results are

Of the loss, by lossc js, at the largest size: most of the libraries sum in single precision.

${each(({ found }, side) => found[side]?.apart[3]?.loss.toExponential(0) ?? "-")}

## What the time goes into

A profile of each row${missed.length > 0 ? `; goals are missed in ${missedRows.map(({ work }) => work.name).join(", ")}` : ""}. Instructions are those of the WebAssembly text that
the kernel executes for an element, counted while it runs: constants and locals are not counted, as they cost nothing in
registers. A vector holds 4 elements. Memory is the time in which ${run.machine ? "this machine" : "the machine"} moves the bytes of the inputs and gradients once,
measured with a loop that reads two arrays and writes one, for as many bytes as the row touches.

${rows
  .map((row) =>
    profile(
      row,
      run,
      missed.filter((one) => one.row === row.work.name),
    ),
  )
  .join("\n\n")}
`
}
