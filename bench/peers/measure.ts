// One row on all sides: each in a process of its own, in turns, after it was found to compute what lossc does.
import { readFileSync, writeFileSync } from "node:fs"
import { agree, type Apart, type Answer } from "../agree.ts"
import type { Row, Work } from "../rows.ts"
import type { Column } from "./columns.ts"
import { type Asked, start } from "./process.ts"

/** What was found of one side: at each size of the row, ns of a call, and how far it is from the first side. */
export interface Found {
  readonly ns: readonly number[]
  readonly apart: readonly Apart[]
}

export interface Measured {
  readonly work: Work
  readonly title: string
  /** Elements of the row at each size. */
  readonly elements: readonly number[]
  readonly found: Readonly<Record<string, Found>>
  /** What a side says about itself, if anything. */
  readonly notes: Readonly<Record<string, string>>
  /** Why a side has no numbers. */
  readonly missing: Readonly<Record<string, string>>
}

export interface Effort {
  /** How often all sides are started afresh. */
  readonly processes: number
  readonly turns: number
  /** How long a side is called in a turn. */
  readonly ms: number
}

/** What sides that sum millions of numbers in single precision, one after another, differ by. */
const single: Apart = { loss: 2e-2, gradient: 2e-3 }

const median = (samples: readonly number[]): number =>
  [...samples].sort((a, b) => a - b)[(samples.length - 1) >> 1]!

function write(row: Row, folder: string): void {
  Object.values(row.inputs).forEach((data, k) =>
    writeFileSync(`${folder}/in${k}`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  )
}

async function answer(
  side: string,
  asked: Asked,
  size: number,
  row: Row,
  folder: string,
): Promise<Answer & { readonly note: string }> {
  const [loss, note = ""] = (await asked.ask(["load", folder, size, ...row.sizes].join(" "))).split(" ")
  const read = (k: number): Float32Array => {
    const { buffer, byteOffset, byteLength } = readFileSync(`${folder}/${side}.${k}`)
    return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength))
  }
  return { note, loss: Number(loss), grad: Object.fromEntries(row.grad.map((name, k) => [name, read(k)])) }
}

/** Runs a row. A side that ends, or computes something else than the first one, is left out from then on, with the reason. */
export async function measure(
  work: Work,
  columns: readonly Column[],
  folder: string,
  { processes, turns, ms }: Effort,
): Promise<Measured> {
  const rows = work.sizes.map(work.at)
  const missing: Record<string, string> = {}
  const notes: Record<string, string> = {}
  const apart: Record<string, Apart[]> = {}
  const best: Record<string, number[][]> = {}

  const round = async (sides: Map<string, Asked>): Promise<void> => {
    const attempt = async <T>(side: string, does: () => Promise<T> | T): Promise<T | undefined> => {
      try {
        return await does()
      } catch (error) {
        const { message } = error as Error
        missing[side] = /Error: (.*)/.exec(message)?.[1] ?? message
        sides.get(side)?.end()
        sides.delete(side)
        return undefined
      }
    }
    for (const [size, row] of rows.entries()) {
      write(row, folder)
      const answers = await Promise.all(
        Array.from(sides, async ([side, asked]) => {
          const found = await attempt(side, () => answer(side, asked, size, row, folder))
          return found && ([side, found] as const)
        }),
      )
      const given = answers.filter((one) => one !== undefined)
      for (const [side, one] of given)
        await attempt(side, () => {
          ;(apart[side] ??= [])[size] = agree(row.title, given[0]![1], one, single)
          notes[side] = one.note
        })
      const lowest = new Map<string, number>()
      // Engines learn the code on many short calls first.
      for (let turn = size === 0 ? -1 : 0; turn < turns; turn++)
        for (const [side, asked] of sides) {
          const ns = await attempt(side, () =>
            asked.ask(`time ${size === 3 ? ms : turn < 0 ? 4 * ms : ms / 4}`),
          )
          if (turn >= 0) lowest.set(side, Math.min(lowest.get(side) ?? Infinity, Number(ns)))
        }
      for (const [side, ns] of lowest) ((best[side] ??= [])[size] ??= []).push(ns)
    }
  }

  for (let process = 0; process < processes; process++) {
    const sides = new Map(
      columns
        .filter(({ side }) => missing[side] === undefined)
        .map(({ side, command }) => {
          const [program, ...words] = command(work.name)
          return [side, start(program, words)]
        }),
    )
    await round(sides)
    for (const asked of sides.values()) asked.end()
  }
  const complete = Object.entries(best).filter(([side]) => missing[side] === undefined)
  return {
    work,
    title: rows[3]!.title,
    elements: rows.map((row) => row.elements),
    found: Object.fromEntries(
      complete.map(([side, sizes]) => [side, { ns: sizes.map(median), apart: apart[side]! }]),
    ),
    notes,
    missing,
  }
}
