// Statements of a schedule -> accumulators, stores and branches around the values of `values.ts`.
import { type Placed, loadsOf } from "./dimensions.ts"
import { type AxisExpr, type Expr, type RefExpr, conjuncts, conjunction, identities } from "./ir.ts"
import { number } from "./layout.ts"
import type { Operand, Stmt } from "./loops.ts"
import type { Outputs } from "./loss.ts"
import { assuming } from "./simplify.ts"
import type { Storage } from "./storage.ts"
import type { Dtype } from "./types.ts"
import { Values } from "./values.ts"

/** The statements of one kernel under construction. */
export class Definitions extends Values {
  private readonly labels: ReadonlyMap<AxisExpr, string>
  private readonly accumulators = new Map<Placed, { id: number; best?: number }>()

  constructor(outputs: Outputs, storage: ReadonlyMap<Placed, Storage>, dtype: Dtype, exact: boolean) {
    super(outputs, storage, dtype, exact)
    this.labels = labelsOf([...storage.keys()])
  }

  /** What the user calls a dimension. */
  protected label(axis: AxisExpr): string {
    return this.labels.get(axis) ?? axis.name
  }

  /** `if (conditions) { then } else { otherwise }`, the facts known inside. */
  protected branch(conditions: readonly Expr[], then: () => void, otherwise: () => void): void {
    if (conditions.length === 0) return then()
    const condition = this.operand(conjunction(this.core, conditions))
    const { depth, facts, lazy } = this.scope
    const yes = this.inside({ depth, facts: [...facts, ...conditions], lazy }, then)
    const no = this.inside({ depth, facts, lazy }, otherwise)
    this.scope.block.push({ kind: "if", condition, then: yes, else: no })
  }

  /** Declares the accumulators of a definition before its first reduced loop. */
  protected start(s: Placed): void {
    const storage = this.storage.get(s)!
    const initial = s.op === "argmax" ? -Infinity : s.op === "argmin" ? Infinity : identities[s.op]!
    if (storage.accumulates) return this.clear(s, initial)
    const id = this.fresh()
    this.scope.block.push({
      kind: "acc",
      id,
      initial: number(initial),
      type: s.op === "argmax" || s.op === "argmin" ? "real" : s.def!.type,
    })
    if (s.op !== "argmax" && s.op !== "argmin") return void this.accumulators.set(s, { id })
    const best = this.fresh()
    this.scope.block.push({ kind: "acc", id: best, initial: number(0), type: "int" })
    this.accumulators.set(s, { id, best })
  }

  /** After the reduced loops: the accumulator is the value. */
  protected finish(s: Placed): void {
    const acc = this.accumulators.get(s)
    if (!acc) return
    const value: Operand = { kind: "value", id: acc.best ?? acc.id }
    this.locals.set(s, { scope: this.scope, value })
    this.keep(s, value)
  }

  /** Stores a local where other loops will look for it. */
  private keep(s: Placed, value: Operand): void {
    if (this.storage.get(s)!.stored.length === 0) return
    const at = this.operand(this.layout.offset(s, s.place))
    this.scope.block.push({ kind: "store", buffer: this.layout.array(s), at, value })
  }

  /** Sets the part of an accumulating array that the loops outside leave open. */
  private clear(s: Placed, value: number): void {
    const { stored, outside } = this.storage.get(s)!
    const buffer = this.layout.array(s)
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
    const length = this.layout.product(inner)
    const base = this.layout.flat(
      outer.map((i) => s.place[i]!),
      outer.map((i) => s.def!.formals[i]!.extent),
    )
    const at = outer.length === 0 ? number(0) : this.operand(core.op("mul", base, length))
    this.scope.block.push({ kind: "fill", buffer, at, length: this.layout.size(length), value })
  }

  protected statement(s: Placed): void {
    this.reader = s
    const known = assuming(this.core, this.scope.facts)
    const conditions = conjuncts(known(s.filter))
    if (s.kind === "result") {
      this.scope.block.push({ kind: "result", name: s.name as "loss", value: this.operand(known(s.body)) })
    } else if (s.kind === "store") {
      const { buffer, extents } = this.layout.outputs.get(s.name)!
      this.branch(
        conditions,
        () => {
          const value = this.operand(known(s.body))
          const at = this.operand(this.layout.flat(s.place, extents))
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
      keys: this.layout.array(source),
      keysAt: this.operand(this.layout.offset(source, first)),
      stride: this.layout.size(this.layout.product(after.map((i) => extents[i]!))),
      index: this.layout.array(s),
      indexAt: this.operand(this.layout.offset(s, row)),
      length: this.layout.size(along!.extent),
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
      const buffer = this.layout.array(s)
      const at = this.operand(this.layout.offset(s, s.place))
      if (op === "add") return void block.push({ kind: "store", buffer, at, value, accumulate: true })
      const old = this.fresh()
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
    return this.layout.flat(
      s.bound,
      s.bound.map((a) => a.extent),
    )
  }

  /** Writes zeros where a store's rows are left out. */
  protected zero(s: Placed): void {
    // A pinned store comes after a dense one, which has written the zeros.
    if (s.kind !== "store" || s.follows) return
    this.reader = s
    const { buffer, extents } = this.layout.outputs.get(s.name)!
    const left = s.loops.filter((a) => !this.open.has(a))
    const trailing = s.place.slice(s.place.length - left.length)
    if (left.length > 0 && left.every((a) => trailing.includes(a))) {
      const length = this.layout.product(left.map((a) => a.extent))
      const base = this.layout.flat(
        s.place.slice(0, s.place.length - left.length),
        extents.slice(0, s.place.length - left.length),
      )
      const at = s.place.length === left.length ? number(0) : this.operand(this.core.op("mul", base, length))
      this.scope.block.push({ kind: "fill", buffer, at, length: this.layout.size(length), value: 0 })
      return
    }
    const go = (rest: readonly AxisExpr[]): void => {
      const [axis, ...others] = rest
      if (!axis) {
        const at = this.operand(this.layout.flat(s.place, extents))
        return void this.scope.block.push({ kind: "store", buffer, at, value: number(0) })
      }
      const id = this.fresh()
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
        to: this.layout.size(axis.extent),
        body,
        axis: this.label(axis),
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
    for (const { input, index } of loadsOf(s))
      index.forEach((x, i) => {
        if (x.kind !== "axis" || labels.has(x)) return
        const { name } = input.dimensions[i]!
        const times = (used.get(name) ?? 0) + 1
        used.set(name, times)
        labels.set(x, times === 1 ? name : `${name}${times}`)
      })
  return labels
}
