// A tree of loops with its storage -> a kernel: single-assignment statements, each value as far out as it can be.
//
// Blocks under construction form a stack of scopes: the kernel, its loops, the branches inside them. A value goes to the end
// of the innermost scope that has the loops it needs and is cached there, before the loop that is being built; hoisting,
// sharing between statements and partial products all come from this. What reads data at an index that only a condition
// makes valid never leaves the branch of that condition.
import {
  type AxisExpr,
  type Core,
  type Def,
  type Expr,
  type RefExpr,
  conjuncts,
  conjunction,
  identities,
  isConst,
  postorder,
  refsIn,
} from "./ir.ts"
import { demands } from "./demand.ts"
import type { Placed } from "./dimensions.ts"
import type { Tree } from "./fuse.ts"
import type { Buffer, Kernel, Operand, ScalarInput, SizeValue, Stmt } from "./loops.ts"
import type { Outputs } from "./loss.ts"
import { assuming } from "./simplify.ts"
import { type Storage, storageOf } from "./storage.ts"
import { type OpName, ops } from "./ops.ts"
import {
  commonFactors,
  factors,
  fromFactors,
  fromLinear,
  inRange,
  isConditional,
  linear,
  readsData,
  without,
} from "./sums.ts"
import type { Dtype, Input } from "./types.ts"

/** A block under construction. */
interface Scope {
  readonly block: Stmt[]
  /** How many loops are around it. */
  readonly depth: number
  readonly values: Map<Expr, Operand>
  /** Conditions that hold in it. */
  readonly facts: readonly Expr[]
  /** Whether it is one branch of a lazy selection, which unsafe reads must not leave. */
  readonly lazy: boolean
}

/** Branches of a selection that cost more than this are evaluated only when taken. */
const LAZY_COST = 20

/** Makes the kernel of a tree of loops. */
export function lower(outputs: Outputs, tree: readonly Tree[], dtype: Dtype): Kernel {
  return new Lowering(outputs, tree, dtype).kernel(tree)
}

class Lowering {
  private readonly core: Core
  private readonly outputs: Outputs
  private readonly dtype: Dtype
  private readonly storage: ReadonlyMap<Placed, Storage>
  private readonly demand: ReadonlyMap<Placed, ReadonlySet<Expr>>
  private next = 0
  private scopes: Scope[] = []
  /** Open loops: the dimension and the depth of the scope inside. */
  private readonly open = new Map<AxisExpr, number>()
  private readonly sizes = new Map<Expr, Operand>()
  private readonly sizeValues: SizeValue[] = []
  private readonly sizeNames: string[] = []
  private readonly inputs = new Map<Input, Buffer>()
  private readonly scalars: ScalarInput[] = []
  private readonly arrays = new Map<string, Buffer>()
  private readonly scratch = new Map<Placed, Buffer>()
  private readonly accumulators = new Map<Placed, { id: number; best?: number }>()
  /** Values of completed definitions that live in locals, with the index of the scope that owns them. */
  private readonly locals = new Map<Placed, { scope: Scope; value: Operand }>()
  /** The statement whose expressions are being made: decides which copy of a definition a reference means. */
  private reader: Placed | undefined
  private readonly extents = new Map<string, readonly Expr[]>()
  private readonly copies = new Map<Def, Placed[]>()
  private readonly labels: ReadonlyMap<AxisExpr, string>

  constructor(outputs: Outputs, tree: readonly Tree[], dtype: Dtype) {
    this.core = outputs.core
    this.outputs = outputs
    this.dtype = dtype
    this.storage = storageOf(tree)
    this.demand = demands([...this.storage.keys()])
    this.labels = labelsOf([...this.storage.keys()])
    for (const s of this.storage.keys())
      if (s.def) this.copies.set(s.def, [...(this.copies.get(s.def) ?? []), s])
  }

  kernel(tree: readonly Tree[]): Kernel {
    for (const input of this.outputs.inputs) {
      for (const d of input.dimensions) this.noteSizes(d.extent)
      if (input.dimensions.length === 0) this.scalars.push({ id: this.next++, input })
      else {
        const element = input.type === "real" ? this.dtype : input.type
        const length = this.size(this.product(input.dimensions.map((d) => d.extent)))
        this.inputs.set(input, { id: this.next++, kind: "input", input, element, length })
      }
    }
    for (const { name, axes } of this.outputs.arrays) {
      const extents = axes.map((a) => a.extent)
      this.extents.set(name, extents)
      this.arrays.set(name, {
        id: this.next++,
        kind: "output",
        name,
        element: this.dtype,
        length: this.size(this.product(extents)),
      })
    }
    const top: Scope = { block: [], depth: 0, values: new Map(), facts: [], lazy: false }
    this.scopes = [top]
    this.trees(tree)
    return {
      dtype: this.dtype,
      inputs: [...this.inputs.values()],
      outputs: [...this.arrays.values()],
      scratch: [...this.scratch.values()],
      scalars: this.scalars,
      sizeNames: this.sizeNames,
      sizes: this.sizeValues,
      body: top.block,
      results: this.outputs.scalars.map((s) => s.name),
    }
  }

  // ------------------------------------------------------------------------------------------- sizes

  private noteSizes(e: Expr): void {
    if (e.kind === "size" && !this.sizeNames.includes(e.name)) this.sizeNames.push(e.name)
    if (e.kind === "op") e.args.forEach((x) => this.noteSizes(x))
  }

  private product(extents: readonly Expr[]): Expr {
    return extents.reduce((x, y) => this.core.op("mul", x, y), this.core.one)
  }

  /** Whether an int is known at entry: sizes, constants and what the operators make of them. */
  private isSize(e: Expr): boolean {
    return (
      e.kind === "const" ||
      e.kind === "size" ||
      (e.kind === "op" && e.type === "int" && e.args.every((x) => this.isSize(x)))
    )
  }

  private size(e: Expr): Operand {
    if (e.kind === "const") return number(e.value)
    const known = this.sizes.get(e)
    if (known) return known
    const id = this.next++
    if (e.kind === "size") {
      this.noteSizes(e)
      this.sizeValues.push({ id, value: { kind: "size", name: e.name } })
    } else if (e.kind === "op") {
      const args = e.args.map((x) => this.size(x))
      this.sizeValues.push({ id, value: { kind: "op", op: e.op, args } })
    } else throw new Error(`an extent depends on data: ${e.kind}`)
    const operand: Operand = { kind: "value", id }
    this.sizes.set(e, operand)
    return operand
  }

  // ------------------------------------------------------------------------------------------- loops

  private get scope(): Scope {
    return this.scopes[this.scopes.length - 1]!
  }

  private trees(list: readonly Tree[]): void {
    for (const t of list)
      if (t.kind === "loop") this.loop(t)
      else this.statement(t.statement)
  }

  /** Runs `make` in a new scope and returns what it put there. */
  private inside(scope: Omit<Scope, "block" | "values">, make: () => void): Stmt[] {
    const made: Scope = { ...scope, block: [], values: new Map() }
    this.scopes.push(made)
    make()
    this.scopes.pop()
    return made.block
  }

  private loop(loop: Tree & { kind: "loop" }): void {
    const members = membersOf(loop)
    const depth = this.scope.depth
    const starting = members.filter(
      (s) => this.storage.get(s)!.outside === depth && s.kind === "define" && s.bound.length > 0,
    )
    for (const s of starting) this.start(s)

    const { axis } = loop
    const common = this.commonDemand(members)
    const outer = common.filter((c) => !c.axes.includes(axis))
    const inner = common.filter((c) => c.axes.includes(axis))
    this.branch(
      outer,
      () => this.ranges(loop, inner, members),
      () => members.forEach((s) => this.zero(s)),
    )
    for (const s of starting) this.finish(s)
  }

  /** What every member demands and nobody has tested yet, as far as it can be tested before the loop or at its start. */
  private commonDemand(members: readonly Placed[]): Expr[] {
    const known = new Set(this.scope.facts)
    const [first, ...rest] = members.map((s) => this.demand.get(s)!)
    const shared = [...first!].filter((c) => !known.has(c) && rest.every((d) => d.has(c)))
    return shared.filter((c) => this.testable(c, members))
  }

  /** A condition is testable at a loop if nothing it reads is computed inside that loop. */
  private testable(c: Expr, members: readonly Placed[]): boolean {
    const inside = new Set(members.map((s) => s.def))
    const ok = (e: Expr): boolean => {
      if (e.kind === "ref") return !inside.has(e.def) && e.index.every(ok)
      if (e.kind === "load") return e.index.every(ok)
      return e.kind !== "op" || e.args.every(ok)
    }
    return (
      ok(c) && c.axes.every((a) => this.open.has(a) || members.every((s) => s.loops[this.scope.depth] === a))
    )
  }

  /** `if (conditions) { then } else { otherwise }`, the facts known inside. */
  private branch(conditions: readonly Expr[], then: () => void, otherwise: () => void): void {
    if (conditions.length === 0) return then()
    const condition = this.operand(conjunction(this.core, conditions))
    const { depth, facts, lazy } = this.scope
    const yes = this.inside({ depth, facts: [...facts, ...conditions], lazy }, then)
    const no = this.inside({ depth, facts, lazy }, otherwise)
    this.scope.block.push({ kind: "if", condition, then: yes, else: no })
  }

  /** The loop itself, over the ranges that the conditions on its own axis leave. */
  private ranges(loop: Tree & { kind: "loop" }, inner: readonly Expr[], members: readonly Placed[]): void {
    const { axis } = loop
    const stores = members.some((s) => s.kind === "store" && !s.follows && s.place.includes(axis))
    let pieces: [Operand, Operand][] = [[number(0), this.size(axis.extent)]]
    const tested: Expr[] = []
    const facts: Expr[] = []
    for (const c of inner) {
      const cut = stores ? undefined : this.cut(c, axis, pieces)
      if (cut) {
        pieces = cut
        facts.push(c)
      } else tested.push(c)
    }
    for (const [from, to] of pieces) {
      const id = this.next++
      const { depth, lazy } = this.scope
      this.open.set(axis, depth + 1)
      const body = this.inside(
        { depth: depth + 1, facts: [...this.scope.facts, ...facts, ...this.implied(axis)], lazy },
        () => {
          this.scope.values.set(axis, { kind: "value", id })
          this.branch(
            tested,
            () => this.trees(loop.body),
            () => members.forEach((s) => this.zero(s)),
          )
        },
      )
      this.open.delete(axis)
      this.scope.block.push({ kind: "for", id, from, to, body, axis: this.labels.get(axis) ?? axis.name })
    }
  }

  /** Inside a loop its extent is not 0. */
  private implied(axis: AxisExpr): Expr[] {
    const { core } = this
    return [core.op("ne", axis.extent, core.zero), core.op("lt", core.zero, axis.extent)]
  }

  /** A comparison of the loop's axis with an int from outside shortens or splits the range instead of being tested. */
  private cut(
    c: Expr,
    axis: AxisExpr,
    pieces: readonly [Operand, Operand][],
  ): [Operand, Operand][] | undefined {
    if (c.kind !== "op" || (c.op !== "ne" && c.op !== "lt" && c.op !== "le")) return undefined
    const { core } = this
    const form = linear(core.op("sub", c.args[0]!, c.args[1]!))
    const sign = form.terms.get(axis)
    if (c.args.some((x) => x.type !== "int") || (sign !== 1 && sign !== -1)) return undefined
    const terms = new Map([...form.terms].filter(([e]) => e !== axis).map(([e, k]) => [e, -k * sign]))
    const other = fromLinear(core, { terms, constant: -form.constant * sign })
    if (other.axes.includes(axis) || readsData(other)) return undefined
    const at = this.operand(other)
    const after = this.operand(core.op("add", other, core.one))
    const limit = (op: "min" | "max", x: Operand, y: Operand): Operand =>
      this.emit(this.scope, op, [x, y], "int")
    return pieces.flatMap(([from, to]): [Operand, Operand][] => {
      // axis - other: `< 0`, `<= 0` or `!= 0` for sign 1; the mirror image for -1.
      if (c.op === "ne")
        return [
          [from, limit("min", to, at)],
          [limit("max", from, after), to],
        ]
      if (sign === 1) return [[from, limit("min", to, c.op === "lt" ? at : after)]]
      return [[limit("max", from, c.op === "lt" ? after : at), to]]
    })
  }

  // ---------------------------------------------------------------------------------- definitions

  /** Declares the accumulators of a definition before its first reduced loop. */
  private start(s: Placed): void {
    const storage = this.storage.get(s)!
    const initial = s.op === "argmax" ? -Infinity : s.op === "argmin" ? Infinity : identities[s.op]!
    if (storage.accumulates) return this.clear(s, initial)
    const id = this.next++
    this.scope.block.push({
      kind: "acc",
      id,
      initial: number(initial),
      type: s.op === "argmax" || s.op === "argmin" ? "real" : s.def!.type,
    })
    if (s.op !== "argmax" && s.op !== "argmin") return void this.accumulators.set(s, { id })
    const best = this.next++
    this.scope.block.push({ kind: "acc", id: best, initial: number(0), type: "int" })
    this.accumulators.set(s, { id, best })
  }

  /** After the reduced loops: the accumulator is the value. */
  private finish(s: Placed): void {
    const acc = this.accumulators.get(s)
    if (!acc) return
    const value: Operand = { kind: "value", id: acc.best ?? acc.id }
    this.locals.set(s, { scope: this.scope, value })
    this.keep(s, value)
  }

  /** Stores a local where other loops will look for it. */
  private keep(s: Placed, value: Operand): void {
    if (this.storage.get(s)!.stored.length === 0) return
    const at = this.operand(this.offset(s, s.place))
    this.scope.block.push({ kind: "store", buffer: this.array(s), at, value })
  }

  private array(s: Placed): Buffer {
    let buffer = this.scratch.get(s)
    if (!buffer) {
      const length = this.size(
        this.product(this.storage.get(s)!.stored.map((i) => s.def!.formals[i]!.extent)),
      )
      this.scratch.set(s, (buffer = { id: this.next++, kind: "scratch", element: "f64", length }))
    }
    return buffer
  }

  /** The flat position in a definition's array. */
  private offset(s: Placed, index: readonly Expr[]): Expr {
    const { stored } = this.storage.get(s)!
    return this.flat(
      stored.map((i) => index[i]!),
      stored.map((i) => s.def!.formals[i]!.extent),
    )
  }

  /** Row-major: ((i * n1 + j) * n2 + k). */
  private flat(index: readonly Expr[], extents: readonly Expr[]): Expr {
    const { core } = this
    const known = (extent: Expr): Expr =>
      this.outputs.single && extent.kind === "size" && extent.name === "..." ? core.one : extent
    return index.reduce(
      (sum, e, i) => (i === 0 ? e : core.op("add", core.op("mul", sum, known(extents[i]!)), e)),
      core.zero as Expr,
    )
  }

  /** Sets the part of an accumulating array that the loops outside leave open. */
  private clear(s: Placed, value: number): void {
    const { stored, outside } = this.storage.get(s)!
    const buffer = this.array(s)
    const isOuter = (i: number): boolean => {
      const e = s.place[i]!
      return e.kind === "axis" && s.loops.indexOf(e) < outside
    }
    const split = stored.findIndex((i) => !isOuter(i))
    if (stored.slice(split).some(isOuter))
      throw new Error("an outer loop indexes an array inside an inner one")
    const inner = stored.slice(split).map((i) => s.def!.formals[i]!.extent)
    const outer = stored.slice(0, split)
    const { core } = this
    this.reader = s
    const length = this.product(inner)
    const base = this.flat(
      outer.map((i) => s.place[i]!),
      outer.map((i) => s.def!.formals[i]!.extent),
    )
    const at = outer.length === 0 ? number(0) : this.operand(core.op("mul", base, length))
    this.scope.block.push({ kind: "fill", buffer, at, length: this.size(length), value })
  }

  private statement(s: Placed): void {
    this.reader = s
    const known = assuming(this.core, this.scope.facts)
    const conditions = conjuncts(known(s.filter))
    if (s.kind === "result") {
      this.scope.block.push({ kind: "result", name: s.name as "loss", value: this.operand(known(s.body)) })
    } else if (s.kind === "store") {
      const buffer = this.arrays.get(s.name)!
      this.branch(
        conditions,
        () => {
          const value = this.operand(known(s.body))
          const at = this.operand(this.flat(s.place, this.extents.get(s.name)!))
          this.scope.block.push({ kind: "store", buffer, at, value })
        },
        () => {},
      )
    } else if (s.bound.length === 0 && !this.storage.get(s)!.accumulates) {
      const value = this.operand(known(s.body))
      this.locals.set(s, { scope: this.scope, value })
      this.keep(s, value)
    } else this.accumulate(s, conditions, known(s.body))
  }

  private accumulate(s: Placed, conditions: readonly Expr[], body: Expr): void {
    const { core } = this
    const strict =
      conditions.length > 0 &&
      s.op === "sum" &&
      !this.accumulatesArray(s) &&
      !this.worthBranch(body) &&
      conditions.every((c) => !this.unsafe(c))
    const value = strict ? core.op("guard", conjunction(core, conditions), body) : body
    this.branch(
      strict ? [] : conditions,
      () => this.update(s, this.operand(value)),
      () => {},
    )
  }

  private accumulatesArray(s: Placed): boolean {
    return this.storage.get(s)!.accumulates
  }

  private update(s: Placed, value: Operand): void {
    const { block } = this.scope
    const op = s.op === "sum" ? "add" : s.op === "prod" ? "mul" : (s.op as "max" | "min")
    if (this.accumulatesArray(s)) {
      const buffer = this.array(s)
      const at = this.operand(this.offset(s, s.place))
      if (op === "add") return void block.push({ kind: "store", buffer, at, value, accumulate: true })
      const old = this.next++
      block.push({ kind: "load", id: old, buffer, at, type: "real" })
      const combined = this.emit(this.scope, op, [{ kind: "value", id: old }, value], "real")
      return void block.push({ kind: "store", buffer, at, value: combined })
    }
    const { id, best } = this.accumulators.get(s)!
    if (best === undefined) return void block.push({ kind: "update", acc: id, op, value })
    // The first of equal values wins: only a strictly better one replaces it.
    const current: Operand = { kind: "value", id }
    const better = this.emit(
      this.scope,
      "lt",
      s.op === "argmax" ? [current, value] : [value, current],
      "bool",
    )
    const index = this.operand(this.argument(s))
    const then: Stmt[] = [
      { kind: "update", acc: id, op: "set", value },
      { kind: "update", acc: best, op: "set", value: index },
    ]
    block.push({ kind: "if", condition: better, then, else: [] })
  }

  /** The position an arg reduction reports: its bound axis (the flat position of several). */
  private argument(s: Placed): Expr {
    return this.flat(
      s.bound,
      s.bound.map((a) => a.extent),
    )
  }

  /** Writes zeros where a store's rows are left out. */
  private zero(s: Placed): void {
    // A pinned store comes after a dense one, which has written the zeros.
    if (s.kind !== "store" || s.follows) return
    this.reader = s
    const buffer = this.arrays.get(s.name)!
    const extents = this.extents.get(s.name)!
    const left = s.loops.filter((a) => !this.open.has(a))
    const trailing = s.place.slice(s.place.length - left.length)
    if (left.length > 0 && left.every((a) => trailing.includes(a))) {
      const length = this.product(left.map((a) => a.extent))
      const base = this.flat(
        s.place.slice(0, s.place.length - left.length),
        extents.slice(0, s.place.length - left.length),
      )
      const at = s.place.length === left.length ? number(0) : this.operand(this.core.op("mul", base, length))
      this.scope.block.push({ kind: "fill", buffer, at, length: this.size(length), value: 0 })
      return
    }
    const go = (rest: readonly AxisExpr[]): void => {
      const [axis, ...others] = rest
      if (!axis) {
        const at = this.operand(this.flat(s.place, extents))
        return void this.scope.block.push({ kind: "store", buffer, at, value: number(0) })
      }
      const id = this.next++
      const { depth, facts, lazy } = this.scope
      this.open.set(axis, depth + 1)
      const body = this.inside({ depth: depth + 1, facts, lazy }, () => {
        this.scope.values.set(axis, { kind: "value", id })
        go(others)
      })
      this.open.delete(axis)
      this.scope.block.push({
        kind: "for",
        id,
        from: number(0),
        to: this.size(axis.extent),
        body,
        axis: this.labels.get(axis) ?? axis.name,
      })
    }
    go(left)
  }

  // -------------------------------------------------------------------------------------- values

  /** The operand of an expression, made where it belongs if it does not exist yet. */
  private operand(e: Expr): Operand {
    if (e.kind === "const") return number(e.value)
    if (this.isSize(e)) return this.size(e)
    const known = this.cached(e)
    if (known) return known
    if (e.kind === "ref") {
      const s = this.source(e)
      const local = this.locals.get(s)
      if (local && this.scopes.includes(local.scope) && e.index.every((x, i) => x === s.place[i]))
        return local.value
      const index = e.index.map((x, i) => this.nearest(x, e.def.formals[i]!.extent))
      const at = this.operand(this.offset(s, index))
      const home = this.home(e)
      const id = this.next++
      home.block.push({ kind: "load", id, buffer: this.array(s), at, type: e.type })
      return this.remember(home, e, { kind: "value", id })
    }
    if (e.kind === "load") {
      if (e.index.length === 0) {
        const { id } = this.scalars.find((x) => x.input === e.input)!
        return { kind: "value", id }
      }
      const buffer = this.inputs.get(e.input)!
      const extents = e.input.dimensions.map((d) => d.extent)
      const at = this.operand(
        this.flat(
          e.index.map((x, i) => this.nearest(x, extents[i]!)),
          extents,
        ),
      )
      const home = this.home(e)
      const id = this.next++
      home.block.push({ kind: "load", id, buffer, at, type: e.type })
      return this.remember(home, e, { kind: "value", id })
    }
    if (e.kind === "op") return this.operation(e)
    throw new Error(`an axis is not open: ${e.kind === "axis" ? e.name : e.kind}`)
  }

  /** The statement that computes what a reference reads; of several copies, the one in the loops that are open. */
  private source(e: RefExpr): Placed {
    const own = this.reader?.sources.get(e.def)
    if (own) return own
    const copies = this.copies.get(e.def) ?? []
    return (
      copies.find((s) => this.locals.has(s) && this.scopes.includes(this.locals.get(s)!.scope)) ?? copies[0]!
    )
  }

  private operation(e: Expr & { kind: "op" }): Operand {
    if (
      (e.op === "select" || e.op === "guard") &&
      e.args.slice(1).some((x) => this.unsafe(x) || this.worthBranch(x))
    )
      return this.lazily(e, e.args[0]!, e.args[1]!, e.args[2] ?? this.core.zero)
    if (e.op === "and" && this.unsafe(e.args[1]!))
      return this.lazily(e, e.args[0]!, e.args[1]!, this.core.false)
    if (e.op === "or" && this.unsafe(e.args[1]!))
      return this.lazily(e, e.args[0]!, this.core.true, e.args[1]!)
    if (e.op === "mul" || e.op === "div") {
      const product = this.product2(e)
      if (product) return product
    }
    if ((e.op === "add" || e.op === "sub") && e.type === "real") {
      const quotient = this.quotient(e)
      if (quotient) return quotient
    }
    const args = e.args.map((x) => this.operand(x))
    const home = this.home(e)
    return this.remember(home, e, this.emit(home, e.op, args, e.type))
  }

  /** A sum of two quotients over one divisor, divided once. */
  private quotient(e: Expr & { kind: "op" }): Operand | undefined {
    const level = this.level(e)
    const lists = e.args.map(factors)
    const shared = commonFactors(lists).filter((f) => !isConst(f.factor, 1))
    if (!shared.some((f) => f.inverse && this.level(f.factor) === level)) return undefined
    const { core } = this
    const over = core.op(e.op, ...lists.map((list) => fromFactors(core, without(list, shared))))
    return this.remember(
      this.home(e),
      e,
      this.operand(fromFactors(core, [{ factor: over, inverse: false }, ...shared])),
    )
  }

  /** A product whose factors live in different loops: the outer ones are multiplied (and inverted) outside. */
  private product2(e: Expr & { kind: "op" }): Operand | undefined {
    const { core } = this
    const list = factors(e).map((f) => ({ ...f, level: this.level(f.factor) }))
    const levels = [...new Set(list.map((f) => f.level))].sort((x, y) => x - y)
    if (levels.length < 2) return undefined
    const inmost = levels[levels.length - 1]!
    let out: Expr | undefined
    const times = (x: Expr): void => {
      out = out ? core.raw("mul", [out, x]) : x
    }
    for (const level of levels) {
      const here = list.filter((f) => f.level === level)
      const over = here.filter((f) => !f.inverse)
      const under = here.filter((f) => f.inverse)
      for (const f of over) times(f.factor)
      for (const f of under) {
        if (level === inmost || (out && this.level(out) === level))
          out = core.raw("div", [out ?? core.one, f.factor])
        else times(core.raw("div", [core.one, f.factor]))
      }
    }
    if (!out || out === e) return undefined
    return this.remember(
      this.home(e),
      e,
      out.kind === "op" && (out.op === "mul" || out.op === "div") ? this.binary(out) : this.operand(out),
    )
  }

  /** A product made by `product2`, whose association is final. */
  private binary(e: Expr & { kind: "op" }): Operand {
    const known = this.cached(e)
    if (known) return known
    const args = e.args.map((x) =>
      x.kind === "op" && (x.op === "mul" || x.op === "div") ? this.binary(x) : this.operand(x),
    )
    const home = this.home(e)
    return this.remember(home, e, this.emit(home, e.op, args, e.type))
  }

  /** A selection as a branch: only what is taken is evaluated. */
  private lazily(e: Expr, condition: Expr, whenTrue: Expr, whenFalse: Expr): Operand {
    const test = this.operand(condition)
    const home = this.home(e)
    return this.within(home, () => {
      const id = this.next++
      const { depth, facts } = home
      const set = (x: Expr, known: readonly Expr[]): Stmt[] =>
        this.inside({ depth, facts: [...facts, ...known], lazy: true }, () => {
          const value = this.operand(assuming(this.core, known)(x))
          this.scope.block.push({ kind: "update", acc: id, op: "set", value })
        })
      const initial = whenFalse.kind === "const" ? whenFalse.value : 0
      const then = set(whenTrue, conjuncts(condition))
      const otherwise = whenFalse.kind === "const" ? [] : set(whenFalse, [this.core.op("not", condition)])
      home.block.push({ kind: "acc", id, initial: number(initial), type: e.type })
      home.block.push({ kind: "if", condition: test, then, else: otherwise })
      return this.remember(home, e, { kind: "value", id })
    })
  }

  /** Runs with the scopes inside `home` set aside. */
  private within<T>(home: Scope, make: () => T): T {
    const saved = this.scopes
    this.scopes = saved.slice(0, saved.indexOf(home) + 1)
    const out = make()
    this.scopes = saved
    return out
  }

  private emit(home: Scope, op: OpName, args: readonly Operand[], type: Expr["type"]): Operand {
    const id = this.next++
    home.block.push({ kind: "let", id, op, args, type })
    return { kind: "value", id }
  }

  private cached(e: Expr): Operand | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const known = this.scopes[i]!.values.get(e)
      if (known) return known
    }
    return undefined
  }

  private remember(home: Scope, e: Expr, value: Operand): Operand {
    home.values.set(e, value)
    return value
  }

  /** The scope in which a value is made: the innermost one with no more loops around it than it needs. */
  private home(e: Expr): Scope {
    const level = this.level(e)
    const floor = this.unsafe(e) ? this.scopes.findLastIndex((s) => s.lazy) : -1
    let at = this.scopes.findLastIndex((s) => s.depth <= level)
    // What lives in a branch may be used in it only; a value of outer loops is made in the innermost branch of its depth.
    if (at < floor) at = floor
    return this.scopes[Math.max(at, this.localScope(e))]!
  }

  /** The depth of the loops that a value needs. */
  private level(e: Expr): number {
    let depth = 0
    for (const a of e.axes) depth = Math.max(depth, this.open.get(a) ?? this.scope.depth)
    return depth
  }

  /** The innermost scope that owns a local which the expression reads. */
  private localScope(e: Expr): number {
    let at = 0
    for (const ref of refsIn(e)) {
      const local = this.locals.get(this.source(ref))
      if (local) at = Math.max(at, this.scopes.indexOf(local.scope))
    }
    return at
  }

  /** Whether an expression may only be evaluated where a condition holds. */
  private unsafe(e: Expr): boolean {
    return isConditional(this.core, e)
  }

  /**
   * An index as it is, or kept in range where no condition that is known to hold says anything of it: such a read is not
   * used, but it must not fail.
   */
  private nearest(e: Expr, extent: Expr): Expr {
    const { core } = this
    if (inRange(core, e, extent).length === 0) return e
    const atoms = atomsOf(e)
    const covered = this.scope.facts.some((fact) => [...atomsOf(fact)].some((x) => atoms.has(x)))
    if (covered) return e
    return core.op("max", core.zero, core.op("min", e, core.op("sub", extent, core.one)))
  }

  /** Whether evaluating a branch only when it is taken pays. */
  private worthBranch(e: Expr): boolean {
    if (e.axes.length === 0) return false
    let cost = 0
    const seen = new Set<Expr>()
    const go = (x: Expr): void => {
      if (seen.has(x) || this.cached(x)) return
      seen.add(x)
      if (x.kind !== "op") return
      cost += ops[x.op].cost ?? 1
      x.args.forEach(go)
    }
    go(e)
    return cost >= LAZY_COST
  }
}

const number = (value: number): Operand => ({ kind: "number", value })

/** What the user calls each dimension: the name of an input's axis that it indexes, numbered where two would share it. */
function labelsOf(statements: readonly Placed[]): ReadonlyMap<AxisExpr, string> {
  const labels = new Map<AxisExpr, string>()
  const used = new Map<string, number>()
  for (const s of statements)
    for (const e of postorder([s.filter, s.body]))
      if (e.kind === "load")
        e.index.forEach((x, i) => {
          if (x.kind !== "axis" || labels.has(x)) return
          const { name } = e.input.dimensions[i]!
          const times = (used.get(name) ?? 0) + 1
          used.set(name, times)
          labels.set(x, times === 1 ? name : `${name}${times}`)
        })
  return labels
}

/** The axes and elements that an expression is made of. */
function atomsOf(e: Expr): Set<Expr> {
  return new Set(postorder([e]).filter((x) => x.kind === "axis" || x.kind === "load" || x.kind === "ref"))
}

function membersOf(tree: Tree): Placed[] {
  return tree.kind === "statement" ? [tree.statement] : tree.body.flatMap(membersOf)
}
