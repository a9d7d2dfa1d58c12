// A tree of loops with its storage -> a kernel: loops, branches, accumulators and stores around the values of `values.ts`.
import { postorder, refsIn } from "./graph.ts"
import { type AxisExpr, type Expr, type RefExpr, conjuncts, conjunction, identities } from "./ir.ts"
import { demands } from "./demand.ts"
import type { Placed } from "./dimensions.ts"
import type { Tree } from "./fuse.ts"
import type { Buffer, Kernel, Operand, Stmt } from "./loops.ts"
import type { Outputs } from "./loss.ts"
import { assuming } from "./simplify.ts"
import { storageOf } from "./storage.ts"
import { fromLinear, linear } from "./flat.ts"
import { readsData } from "./range.ts"
import type { Dtype } from "./types.ts"
import { type Scope, Values, number } from "./values.ts"

/** Makes the kernel of a tree of loops; `exact` if equal expressions must have equal bits in whatever loops they are computed. */
export function lower(outputs: Outputs, tree: readonly Tree[], dtype: Dtype, exact: boolean): Kernel {
  return new Lowering(outputs, tree, dtype, exact).kernel(tree)
}

class Lowering extends Values {
  private readonly dtype: Dtype
  private readonly demand: ReadonlyMap<Placed, ReadonlySet<Expr>>
  private readonly labels: ReadonlyMap<AxisExpr, string>
  private readonly arrays = new Map<string, Buffer>()
  private readonly extents = new Map<string, readonly Expr[]>()
  private readonly accumulators = new Map<Placed, { id: number; best?: number }>()

  constructor(outputs: Outputs, tree: readonly Tree[], dtype: Dtype, exact: boolean) {
    super(outputs, storageOf(tree), exact)
    this.dtype = dtype
    this.demand = demands([...this.storage.keys()])
    this.labels = labelsOf([...this.storage.keys()])
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
        extents: extents.map((e) => this.size(e)),
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

  // ------------------------------------------------------------------------------------------- loops

  private trees(list: readonly Tree[]): void {
    for (const t of list)
      if (t.kind === "loop") this.loop(t)
      else this.statement(t.statement)
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
    this.reader = readerOf(outer, members)
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
    if (loop.descending) pieces.reverse()
    for (const [from, to] of pieces) {
      const id = this.next++
      const { depth, lazy } = this.scope
      const last = loop.descending ? this.last(from, to) : undefined
      this.open.set(axis, depth + 1)
      const body = this.inside(
        { depth: depth + 1, facts: [...this.scope.facts, ...facts, ...this.implied(axis)], lazy },
        () => {
          const index: Operand = { kind: "value", id }
          this.scope.values.set(axis, last ? this.emit(this.scope, "sub", [last, index], "int") : index)
          this.reader = readerOf(tested, members)
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

  /** What an index counted from `from` up is taken from to count from `to` down. */
  private last(from: Operand, to: Operand): Operand {
    const end = this.emit(this.scope, "sub", [to, number(1)], "int")
    return from.kind === "number" && from.value === 0 ? end : this.emit(this.scope, "add", [end, from], "int")
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
    } else if (s.op === "argsort") {
      this.sort(s)
    } else if (s.bound.length === 0 && !this.storage.get(s)!.accumulates) {
      const value = this.operand(known(s.body))
      this.locals.set(s, { scope: this.scope, value })
      this.keep(s, value)
    } else this.accumulate(s, conditions, known(s.body))
  }

  /** Sorts a row of keys, which is an array: the axis along it is no open loop. */
  private sort(s: Placed): void {
    const keys = s.body as RefExpr
    const source = s.sources.get(keys.def)!
    const [along] = s.def!.bound
    const extents = keys.def.formals.map((f) => f.extent)
    const { stored } = this.storage.get(source)!
    const after = stored.slice(stored.indexOf(keys.index.indexOf(along!)) + 1)
    const first = keys.index.map((e) => (e === along ? this.core.zero : e))
    const row = [...s.place.slice(0, -1), this.core.zero]
    this.scope.block.push({
      kind: "sort",
      keys: this.array(source),
      keysAt: this.operand(this.offset(source, first)),
      stride: this.size(this.product(after.map((i) => extents[i]!))),
      index: this.array(s),
      indexAt: this.operand(this.offset(s, row)),
      length: this.size(along!.extent),
    })
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
}

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

/** The statement whose copies of definitions conditions in front of several statements read. */
function readerOf(conditions: readonly Expr[], members: readonly Placed[]): Placed | undefined {
  const read = conditions.flatMap((c) => refsIn(c))
  return members.find((s) => read.every(({ def }) => s.sources.has(def)))
}

function membersOf(tree: Tree): Placed[] {
  return tree.kind === "statement" ? [tree.statement] : tree.body.flatMap(membersOf)
}
