// A loop over rows -> statements that handle several rows, one after another in each of them.
//
// The loops inside run once for all rows. What does not depend on the row is done once, the rest for each row in turn.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import type { OpName } from "../ops.ts"
import { type Loop, type Numbers, definedIn, literal, loopsIn, valueOf } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"

/** What differs from row to row. */
export class Varying {
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

/** A condition for each row of a tile, if it has one. */
type Conditions = readonly (Operand | undefined)[]

/** Interleaves the rows of a tile. */
export class Jam {
  private readonly loop: Loop
  private readonly varying: Varying
  private readonly own: ReadonlySet<Buffer>
  private readonly copies: ReadonlyMap<Buffer, readonly Buffer[]>
  private readonly numbers: Numbers
  private readonly inside: ReadonlySet<number>
  /** What stands for values in each row. */
  private readonly values: readonly Map<number, Operand>[]
  /** Whether each row is there, which the first always is. */
  private exists: Conditions = []
  private out: Stmt[] = []
  /** A statement of each row, one after the other, where all do the same. */
  readonly together: (readonly Stmt[])[] = []

  constructor(
    loop: Loop,
    varying: Varying,
    own: ReadonlySet<Buffer>,
    copies: ReadonlyMap<Buffer, readonly Buffer[]>,
    numbers: Numbers,
    rows: number,
  ) {
    this.loop = loop
    this.varying = varying
    this.own = own
    this.copies = copies
    this.numbers = numbers
    this.inside = definedIn(loop.body)
    this.values = Array.from({ length: rows }, () => new Map<number, Operand>())
  }

  /** The statements of several rows, of which all but the first may be beyond the last one. */
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

  /** The same where all rows are there. */
  whole(): Stmt[] {
    const { loop } = this
    this.values.forEach((values, t) => {
      if (t > 0) values.set(loop.id, this.let("add", [valueOf(loop.id), literal(t)], "int"))
    })
    this.exists = this.values.map(() => undefined)
    this.block(loop.body, this.exists)
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
        else this.beside(this.values.map((_, t) => this.copy(s, t)))
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

  /** What rows do unconditionally, one beside the other. */
  private beside(all: readonly Stmt[]): void {
    this.together.push(all)
    this.out.push(...all)
  }

  /** What each row does for itself, or what all do alike. */
  private effect(s: Stmt, conditions: Conditions, isEach: boolean): void {
    if (!isEach) return void this.out.push(s)
    if ([...conditions, ...this.exists].every((x) => x === undefined))
      return this.beside(this.values.map((_, t) => this.copy(s, t)))
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
