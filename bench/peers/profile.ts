// Where the time of one row goes: cycles, instructions and bytes an element, as text.
import type { Loss } from "lossc"
import { kinds } from "./count.ts"
import { explanations } from "./explanations.ts"
import type { Outcome } from "./goals.ts"
import type { Machine } from "./machine.ts"
import type { Measured } from "./measure.ts"
import { type Run, short, table } from "./report.ts"

/** Bytes a ns for a row that touches so many: of the nearest size that was measured, in factors. */
function rateFor({ bandwidth }: Machine, bytes: number): number {
  const far = (other: number): number => Math.abs(Math.log(other / bytes))
  return bandwidth.reduce((a, b) => (far(b.bytes) < far(a.bytes) ? b : a)).rate
}

/** What `explain` says the kernel reads and writes. */
const passes = (row: ReturnType<Measured["work"]["at"]>): readonly string[] =>
  (row.loss as Loss)
    .explain({ dtype: "f32", grad: row.grad, static: row.statics ?? {} } as Parameters<Loss["explain"]>[0])
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^pass \d+:/.test(line))

export function profile(measured: Measured, run: Run, missed: readonly Outcome[]): string {
  const { work, found, elements } = measured
  const row = work.at(work.sizes[3])
  const { machine } = run
  const bytes =
    Object.values(row.inputs).reduce((sum, { byteLength }) => sum + byteLength, 0) +
    row.grad.reduce((sum, name) => sum + row.inputs[name]!.byteLength, 0)
  const count = elements[3]!
  const ns = (side: string): number | undefined => found[side] && found[side].ns[3]! / count
  const cycles = (time: number | undefined): string => short(time && machine && time * machine.clock)
  const floor = machine && bytes / rateFor(machine, bytes) / count
  const lines = [
    ...["wasm", "relaxed", "hand", "c128", "c"].flatMap((side) => {
      const column = run.columns.find((one) => one.side === side)
      return column ? [[column.title, short(ns(side)), cycles(ns(side))]] : []
    }),
    [`memory, ${short(bytes / count)} bytes`, short(floor), cycles(floor)],
  ]
  const counts = run.counts.get(work.name)
  const total = counts && kinds.reduce((sum, kind) => sum + counts[kind], 0)
  const spent = ns("wasm")
  return [
    `### ${measured.title}`,
    ...missed.map(
      ({ side, than, wanted, found }) =>
        `Missed: ${run.columns.find((one) => one.side === side)?.title} is ${short(found)} times as fast as ${run.columns.find((one) => one.side === than)?.title}, not ${wanted}.`,
    ),
    table(["an element", "ns", "cycles"], lines),
    ...(counts && total
      ? [
          table(
            ["instructions an element", ...kinds, "all", "all in a cycle"],
            [
              [
                "lossc wasm",
                ...kinds.map((kind) => short(counts[kind])),
                short(total),
                spent && machine ? short(total / (spent * machine.clock)) : "-",
              ],
            ],
          ),
        ]
      : []),
    passes(row)
      .map((line) => `- ${line}`)
      .join("\n"),
    ...(explanations[work.name] ? [explanations[work.name]!] : []),
  ].join("\n\n")
}
