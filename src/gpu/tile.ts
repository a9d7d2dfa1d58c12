// A loop over rows -> the same several rows at a time, which share what they read of the other rows.
//
// In scores of all pairs each row reads all of the other array, element by element. A tile of rows takes them together: the loops
// inside run once for all of them, with accumulators for each, and a number that does not depend on the row is loaded once. Rows
// share nothing, so that they may be interleaved. What only some of them do is done where any does, under a condition each.
import { hasOwnElements } from "../blocks.ts"
import { Places } from "../blocks/places.ts"
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import type { OpName } from "../ops.ts"
import { type Loop, Numbers, definedIn, literal, loopsIn, valueOf, weight } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"
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
    const jam = new Jam(loop, varying, own, copies, this.numbers)
    return { rows: ROWS, loop: { ...loop, step: literal(ROWS), body: jam.body() }, copies }
  }
}

/** What differs from row to row. */
class Varying {
  readonly values: Set<number>
  readonly buffers = new Set<Buffer>()
  private readonly own: ReadonlySet<Buffer>

  constructor(loop: Loop, own: ReadonlySet<Buffer>) {
    this.own = own
    this.values = new Set([loop.id])
    let before: number
    do {
      before = this.values.size + this.buffers.size
      this.visit(loop.body, false)
    } while (this.values.size + this.buffers.size > before)
  }

  has(x: Operand): boolean {
    return x.kind === "value" && this.values.has(x.id)
  }

  /** Whether each row has a loop of its own. */
  bounds(s: Loop): boolean {
    return this.has(s.from) || this.has(s.to) || (s.step !== undefined && this.has(s.step))
  }

  private visit(body: readonly Stmt[], branched: boolean): void {
    const value = (id: number, varies: boolean): void => {
      if (varies) this.values.add(id)
    }
    const buffer = (b: Buffer, varies: boolean): void => {
      if (varies && this.own.has(b)) this.buffers.add(b)
    }
    for (const s of body)
      switch (s.kind) {
        case "let":
          value(
            s.id,
            s.args.some((x) => this.has(x)),
          )
          break
        case "load":
          value(s.id, this.has(s.at) || this.buffers.has(s.buffer))
          break
        case "acc":
          value(s.id, branched || this.has(s.initial))
          break
        case "update":
          value(s.acc, branched || this.has(s.value))
          break
        case "store":
          buffer(s.buffer, branched || this.has(s.at) || this.has(s.value))
          break
        case "fill":
          buffer(s.buffer, branched || this.has(s.at) || this.has(s.length))
          break
        case "sort":
          buffer(s.index, branched || [s.keysAt, s.indexAt, s.length].some((x) => this.has(x)))
          buffer(s.index, this.buffers.has(s.keys))
          break
        case "for":
          value(s.id, this.bounds(s))
          this.visit(s.body, branched || this.bounds(s))
          break
        case "if":
          this.visit(s.then, branched || this.has(s.condition))
          this.visit(s.else, branched || this.has(s.condition))
      }
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

/** A condition for each row of a tile, if it has one. */
type Conditions = readonly (Operand | undefined)[]

/** Interleaves the rows of a tile. */
class Jam {
  private readonly loop: Loop
  private readonly varying: Varying
  private readonly own: ReadonlySet<Buffer>
  private readonly copies: ReadonlyMap<Buffer, readonly Buffer[]>
  private readonly numbers: Numbers
  private readonly inside: ReadonlySet<number>
  /** What stands for values in each row. */
  private readonly values = Array.from({ length: ROWS }, () => new Map<number, Operand>())
  /** Whether each row is there, which the first always is. */
  private exists: Conditions = []
  private out: Stmt[] = []

  constructor(
    loop: Loop,
    varying: Varying,
    own: ReadonlySet<Buffer>,
    copies: ReadonlyMap<Buffer, readonly Buffer[]>,
    numbers: Numbers,
  ) {
    this.loop = loop
    this.varying = varying
    this.own = own
    this.copies = copies
    this.numbers = numbers
    this.inside = definedIn(loop.body)
  }

  body(): Stmt[] {
    const { loop } = this
    const last = this.let("sub", [loop.to, literal(1)], "int")
    this.exists = this.values.map((values, t) => {
      if (t === 0) return undefined
      const row = this.let("add", [valueOf(loop.id), literal(t)], "int")
      values.set(loop.id, this.let("min", [row, last], "int"))
      return this.let("lt", [row, loop.to], "bool")
    })
    this.block(
      loop.body,
      this.values.map(() => undefined),
    )
    return this.out
  }

  private let(op: OpName, args: readonly Operand[], type: "int" | "bool"): Operand {
    const id = this.numbers.value()
    this.out.push({ kind: "let", id, op, args, type })
    return valueOf(id)
  }

  /** Statements in a block of their own. */
  private nested(inside: () => void): Stmt[] {
    const { out } = this
    this.out = []
    inside()
    const made = this.out
    this.out = out
    return made
  }

  private block(body: readonly Stmt[], conditions: Conditions): void {
    for (const s of body) this.statement(s, conditions)
  }

  private statement(s: Stmt, conditions: Conditions): void {
    switch (s.kind) {
      case "let":
      case "load":
      case "acc":
        if (!this.varying.values.has(s.id)) this.out.push(s)
        else this.values.forEach((_, t) => this.out.push(this.copy(s, t)))
        return
      case "update":
        return this.effect(s, conditions, !this.inside.has(s.acc) || this.varying.values.has(s.acc))
      case "store":
      case "fill":
        return this.effect(s, conditions, !this.own.has(s.buffer) || this.varying.buffers.has(s.buffer))
      case "sort":
        return this.effect(s, conditions, !this.own.has(s.index) || this.varying.buffers.has(s.index))
      case "for":
        if (this.varying.bounds(s)) return this.effect(s, conditions, true)
        this.out.push({ ...s, body: this.nested(() => this.block(s.body, conditions)) })
        return
      case "if":
        return this.branch(s, conditions)
      case "result":
        throw new Error("a result stands outside loops")
    }
  }

  /** What each row does for itself, or what all do alike. */
  private effect(s: Stmt, conditions: Conditions, isEach: boolean): void {
    if (!isEach) return void this.out.push(s)
    this.exists.forEach((exists, t) => {
      const needed = [conditions[t], this.reachesOut(s) ? exists : undefined].filter((x) => x !== undefined)
      const condition = needed.length === 2 ? this.let("and", needed, "bool") : needed[0]
      const copy = this.copy(s, t)
      this.out.push(condition ? { kind: "if", condition, then: [copy], else: [] } : copy)
    })
  }

  private branch(s: Extract<Stmt, { kind: "if" }>, conditions: Conditions): void {
    if (!this.varying.has(s.condition)) {
      const [yes, no] = [s.then, s.else].map((side) => this.nested(() => this.block(side, conditions)))
      this.out.push(Object.assign({}, s, { then: yes!, else: no! }))
      return
    }
    if (!loopsIn([s]).some((x) => !this.varying.bounds(x))) return this.effect(s, conditions, true)
    const holds = this.values.map((_, t) => this.operand(s.condition, t))
    for (const [side, wanted] of [
      [s.then, holds],
      [s.else, holds.map((x) => (s.else.length > 0 ? this.let("not", [x], "bool") : x))],
    ] as const) {
      if (side.length === 0) continue
      // A condition that is an accumulator may change in its branch.
      const here = wanted.map((x, t) => this.let("and", [conditions[t] ?? x, x], "bool"))
      const any = here.reduce((x, y) => this.let("or", [x, y], "bool"))
      this.out.push({
        kind: "if",
        condition: any,
        then: this.nested(() => this.block(side, here)),
        else: [],
      })
    }
  }

  /** Whether a statement changes what is not the row's own. */
  private reachesOut(s: Stmt): boolean {
    let found = false
    forEachStatement([s], (x) => {
      if (x.kind === "update") found ||= !this.inside.has(x.acc)
      if (x.kind === "store" || x.kind === "fill") found ||= !this.own.has(x.buffer)
      if (x.kind === "sort") found ||= !this.own.has(x.index)
    })
    return found
  }

  private operand(x: Operand, t: number): Operand {
    return x.kind === "value" ? (this.values[t]!.get(x.id) ?? x) : x
  }

  private buffer(b: Buffer, t: number): Buffer {
    return t === 0 ? b : (this.copies.get(b)?.[t - 1] ?? b)
  }

  /** A number for what a copy defines. */
  private fresh(id: number, t: number, make: () => number): number {
    if (t === 0) return id
    const own = make()
    this.values[t]!.set(id, valueOf(own))
    return own
  }

  /** A statement as row `t` of a tile has it. The first has it as it is. */
  private copy(s: Stmt, t: number): Stmt {
    if (t === 0) return s
    const of = (x: Operand): Operand => this.operand(x, t)
    const value = (id: number): number => this.fresh(id, t, () => this.numbers.value())
    switch (s.kind) {
      case "let":
        return { ...s, args: s.args.map(of), id: value(s.id) }
      case "load":
        return { ...s, buffer: this.buffer(s.buffer, t), at: of(s.at), id: value(s.id) }
      case "acc":
        return { ...s, initial: of(s.initial), id: this.fresh(s.id, t, () => this.numbers.acc(s.type)) }
      case "update":
        return { ...s, acc: (of(valueOf(s.acc)) as { id: number }).id, value: of(s.value) }
      case "store":
        return { ...s, buffer: this.buffer(s.buffer, t), at: of(s.at), value: of(s.value) }
      case "fill":
        return { ...s, buffer: this.buffer(s.buffer, t), at: of(s.at), length: of(s.length) }
      case "sort":
        return {
          ...s,
          keys: this.buffer(s.keys, t),
          index: this.buffer(s.index, t),
          keysAt: of(s.keysAt),
          stride: of(s.stride),
          indexAt: of(s.indexAt),
          length: of(s.length),
        }
      case "for": {
        const bounds = { from: of(s.from), to: of(s.to), ...(s.step && { step: of(s.step) }) }
        const id = value(s.id)
        return { ...s, ...bounds, id, body: s.body.map((x) => this.copy(x, t)) }
      }
      case "if": {
        const condition = of(s.condition)
        const [yes, no] = [s.then, s.else].map((side) => side.map((x) => this.copy(x, t)))
        return Object.assign({}, s, { condition, then: yes!, else: no! })
      }
      case "result":
        throw new Error("a result stands outside loops")
    }
  }
}
