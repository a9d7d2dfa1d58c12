// A loop over rows -> the same several rows at a time, which share what they read of the other rows.
//
// In scores of all pairs each row reads all of the other array, element by element. A tile of rows takes them together: the loops
// inside run once for all of them, with accumulators for each, and a number that does not depend on the row is loaded once. Rows
// share nothing, so that they may be interleaved. What only some of them do is done where any does, under a condition each.
import { hasOwnElements } from "../blocks.ts"
import { Places } from "../blocks/places.ts"
import type { Buffer, Kernel, Stmt } from "../loops.ts"
import { type Loop, Numbers, literal, weight } from "../unroll/facts.ts"
import { Jam, Varying } from "./jam.ts"
import type { Plan, Rows } from "./plan.ts"
import { usersOf } from "./scratch.ts"

/** Rows of a tile: loads of what they share are as many times fewer, and so are the workgroups. */
const ROWS = 4
/** Statements of a row beyond which its copies would need more registers than there are. */
const MOST_STATEMENTS = 300

/** Rows that a workgroup takes at a time. */
export interface Tile {
  readonly rows: number
  /** The loop over the first row of each tile. */
  readonly loop: Loop
  /** Scratch of a row for itself, and what the further rows of a tile have in its place. */
  readonly copies: ReadonlyMap<Buffer, readonly Buffer[]>
}

/** The tiles of the steps whose rows share enough. */
export function tilesOf(plan: Plan, kernel: Kernel): ReadonlyMap<Rows, Tile> {
  const tiling = new Tiling(kernel)
  const users = usersOf(plan)
  const out = new Map<Rows, Tile>()
  for (const step of plan.steps) {
    const tile = step.kind === "rows" ? tiling.of(step.loop, (b) => users.get(b)?.size === 1) : undefined
    if (tile && step.kind === "rows") out.set(step, tile)
  }
  return out
}

/** A kernel with the statements and the scratch of its tiles. */
export function withTiles(kernel: Kernel, tiles: ReadonlyMap<Rows, Tile>): Kernel {
  const all = [...tiles.values()]
  return {
    ...kernel,
    scratch: [...kernel.scratch, ...all.flatMap(({ copies }) => [...copies.values()].flat())],
    body: [...kernel.body, ...all.map(({ loop }) => loop)],
  }
}

/** Makes tiles for the loops of one kernel over rows. */
class Tiling {
  private readonly kernel: Kernel
  private readonly places: Places
  private readonly numbers: Numbers
  private next: number

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.places = new Places(kernel)
    this.numbers = new Numbers(kernel)
    this.next = Math.max(
      0,
      ...[...kernel.inputs, ...kernel.outputs, ...kernel.scratch].map(({ id }) => id + 1),
    )
  }

  /** Tiles of a loop, if its rows share enough. `isAlone` says whether nothing else touches an array. */
  of(loop: Loop, isAlone: (buffer: Buffer) => boolean): Tile | undefined {
    if (loop.step || weight(loop.body) > MOST_STATEMENTS) return undefined
    const own = new Set(
      this.kernel.scratch.filter((b) => isAlone(b) && !hasOwnElements(loop, b, this.places)),
    )
    const varying = new Varying(loop, own)
    if (!sharesLoads(loop.body, varying, own)) return undefined
    const copies = new Map(
      [...own]
        .filter((b) => varying.buffers.has(b))
        .map((b) => [b, Array.from({ length: ROWS - 1 }, () => ({ ...b, id: this.next++ }))]),
    )
    const jam = new Jam(loop, varying, own, copies, this.numbers, ROWS)
    return { rows: ROWS, loop: { ...loop, step: literal(ROWS), body: jam.body() }, copies }
  }
}

/** Whether rows load the same elements of an array in a loop inside a loop that all of them go through. */
function sharesLoads(body: readonly Stmt[], varying: Varying, own: ReadonlySet<Buffer>, depth = 0): boolean {
  return body.some((s) => {
    if (s.kind === "for") return !varying.bounds(s) && sharesLoads(s.body, varying, own, depth + 1)
    if (s.kind === "if") return [s.then, s.else].some((side) => sharesLoads(side, varying, own, depth))
    return s.kind === "load" && depth > 1 && !own.has(s.buffer) && !varying.values.has(s.id)
  })
}
