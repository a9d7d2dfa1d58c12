// Expressions -> operands: each value made once, as far out as it can be.
//
// Blocks under construction form a stack of scopes: the kernel, its loops, the branches inside them. A value goes to the end
// of the innermost scope that has the loops it needs and is cached there, before the loop that is being built; hoisting,
// sharing between statements and partial products all come from this. What reads data at an index that only a condition
// makes valid never leaves the branch of that condition.
import { bounds } from "./bounds.ts"
import { postorder } from "./graph.ts"
import { type AxisExpr, type Core, type Def, type Expr, type RefExpr, conjuncts, isConst } from "./ir.ts"
import type { Placed } from "./dimensions.ts"
import { Layout, number } from "./layout.ts"
import type { Operand, Stmt } from "./loops.ts"
import type { Outputs } from "./loss.ts"
import { type Interval, type OpName, ops } from "./ops.ts"
import { assuming } from "./simplify.ts"
import type { Storage } from "./storage.ts"
import { commonFactors, factors, fromFactors, without } from "./flat.ts"
import { saidInRange, isConditional, reliedOn } from "./range.ts"
import type { Dtype } from "./types.ts"

/** A block under construction. */
export interface Scope {
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

/** The values of one kernel under construction. */
export class Values {
  protected readonly core: Core
  protected readonly outputs: Outputs
  protected readonly storage: ReadonlyMap<Placed, Storage>
  protected readonly layout: Layout
  protected scopes: Scope[] = []
  /** Open loops: the dimension and the depth of the scope inside. */
  protected readonly open = new Map<AxisExpr, number>()
  /** Values of completed definitions that live in locals, with the scope that owns them. */
  protected readonly locals = new Map<Placed, { scope: Scope; value: Operand }>()
  /** The statement whose expressions are being made: decides which copy of a definition a reference means. */
  protected reader: Placed | undefined
  private readonly copies = new Map<Def, Placed[]>()

  /** Whether an expression has the same bits in whatever loops it is computed: products are not taken apart to leave loops. */
  private readonly exact: boolean
  private next = 0

  constructor(outputs: Outputs, storage: ReadonlyMap<Placed, Storage>, dtype: Dtype, exact: boolean) {
    this.core = outputs.core
    this.exact = exact
    this.outputs = outputs
    this.storage = storage
    this.layout = new Layout(outputs, storage, dtype, () => this.fresh())
    for (const s of storage.keys()) if (s.def) this.copies.set(s.def, [...(this.copies.get(s.def) ?? []), s])
  }

  /** The id of a new value or array. */
  protected fresh(): number {
    return this.next++
  }

  protected get scope(): Scope {
    return this.scopes[this.scopes.length - 1]!
  }

  /** Runs `make` in a new scope and returns what it put there. */
  protected inside(scope: Omit<Scope, "block" | "values">, make: () => void): Stmt[] {
    const { depth, facts, lazy } = scope
    const made: Scope = { block: [], depth, values: new Map(), facts, lazy }
    this.scopes.push(made)
    make()
    this.scopes.pop()
    return made.block
  }

  /** The operand of an expression, made where it belongs if it does not exist yet. */
  protected operand(e: Expr): Operand {
    if (e.kind === "const") return number(e.value)
    if (this.layout.isSize(e)) return this.layout.size(e)
    const known = this.cached(e)
    if (known) return known
    if (e.kind === "ref") {
      const s = this.source(e)
      const local = this.locals.get(s)
      if (local && this.scopes.includes(local.scope) && e.index.every((x, i) => x === s.place[i]))
        return local.value
      const index = e.index.map((x, i) => this.nearest(x, e.def.formals[i]!.extent))
      const at = this.operand(this.layout.offset(s, index))
      const home = this.home(e)
      const id = this.fresh()
      home.block.push({ kind: "load", id, buffer: this.layout.array(s), at, type: e.type })
      return this.remember(home, e, { kind: "value", id })
    }
    if (e.kind === "load") {
      if (e.index.length === 0) {
        const { id } = this.layout.scalars.find((x) => x.input === e.input)!
        return { kind: "value", id }
      }
      const buffer = this.layout.inputs.get(e.input)!
      const extents = e.input.dimensions.map((d) => d.extent)
      const at = this.operand(
        this.layout.flat(
          e.index.map((x, i) => this.nearest(x, extents[i]!)),
          extents,
        ),
      )
      const home = this.home(e)
      const id = this.fresh()
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
    if (!this.exact && (e.op === "mul" || e.op === "div")) {
      const product = this.outermost(e)
      if (product) return product
    }
    if (!this.exact && (e.op === "add" || e.op === "sub") && e.type === "real") {
      const quotient = this.quotient(e)
      if (quotient) return quotient
    }
    const args = e.args.map((x) => this.operand(x))
    const home = this.home(e)
    return this.remember(home, e, this.emit(home, e.op, args, e.type, rangeOf(e)))
  }

  /** A sum of two quotients over one divisor, divided once. */
  private quotient(e: Expr & { kind: "op" }): Operand | undefined {
    const level = this.level(e)
    const lists = e.args.map(factors)
    if (!lists.every((list) => list.some((f) => f.inverse))) return undefined
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
  private outermost(e: Expr & { kind: "op" }): Operand | undefined {
    const { core } = this
    const all = factors(e)
    const first = this.level(all[0]!.factor)
    if (all.every((f) => this.level(f.factor) === first)) return undefined
    const list = all.map(({ factor, inverse }) => ({ factor, inverse, level: this.level(factor) }))
    const levels = [...new Set(list.map((f) => f.level))].sort((x, y) => x - y)
    const inmost = levels[levels.length - 1]!
    let out: Expr | undefined
    const times = (x: Expr): void => {
      if (!out || isConst(out, 1)) out = x
      else out = x.kind === "const" ? core.op("mul", out, x) : core.raw("mul", [out, x])
    }
    for (const level of levels) {
      const here = list.filter((f) => f.level === level)
      const over = here.filter((f) => !f.inverse).map((f) => f.factor)
      const under = here.filter((f) => f.inverse)
      // The square of a factor may be beyond the range of doubles where the product is not.
      const isAgain = (x: Expr, i: number): boolean => over.indexOf(x) < i
      for (const x of over.filter((x, i) => !isAgain(x, i))) times(x)
      for (const x of over.filter(isAgain)) times(x)
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

  /** A product made by `outermost`, whose association is final. */
  private binary(e: Expr & { kind: "op" }): Operand {
    const known = this.cached(e)
    if (known) return known
    const args = e.args.map((x) =>
      x.kind === "op" && (x.op === "mul" || x.op === "div") ? this.binary(x) : this.operand(x),
    )
    const home = this.home(e)
    return this.remember(home, e, this.emit(home, e.op, args, e.type, rangeOf(e)))
  }

  /** A selection as a branch: only what is taken is evaluated. */
  private lazily(e: Expr, condition: Expr, whenTrue: Expr, whenFalse: Expr): Operand {
    const test = this.operand(condition)
    const home = this.home(e)
    return this.within(home, () => {
      const id = this.fresh()
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
  protected within<T>(home: Scope, make: () => T): T {
    const saved = this.scopes
    this.scopes = saved.slice(0, saved.indexOf(home) + 1)
    const out = make()
    this.scopes = saved
    return out
  }

  protected emit(
    home: Scope,
    op: OpName,
    args: readonly Operand[],
    type: Expr["type"],
    range?: Interval,
  ): Operand {
    const id = this.fresh()
    home.block.push(range ? { kind: "let", id, op, args, type, range } : { kind: "let", id, op, args, type })
    return { kind: "value", id }
  }

  protected cached(e: Expr): Operand | undefined {
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
    const floor = this.unsafe(e) ? this.shelter(e) : -1
    let at = this.scopes.findLastIndex((s) => s.depth <= level)
    // What lives in a branch may be used in it only; a value of outer loops is made in the innermost branch of its depth.
    if (at < floor) at = floor
    return this.scopes[Math.max(at, this.localScope(e))]!
  }

  /** The innermost scope that a value which may only be made where a condition holds must not leave. */
  private shelter(e: Expr): number {
    let at = this.scopes.findLastIndex((s) => s.lazy)
    for (const fact of reliedOn(this.core, e, this.scope.facts))
      at = Math.max(
        at,
        this.scopes.findIndex((s) => s.facts.includes(fact)),
      )
    return at
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
    for (const ref of e.refs) {
      const local = this.locals.get(this.source(ref))
      if (local) at = Math.max(at, this.scopes.indexOf(local.scope))
    }
    return at
  }

  /** Whether an expression may only be evaluated where a condition holds. */
  protected unsafe(e: Expr): boolean {
    return isConditional(this.core, e)
  }

  /**
   * An index as it is, or kept in range where no condition that is known to hold says anything of it: such a read is not
   * used, but it must not fail.
   */
  private nearest(e: Expr, extent: Expr): Expr {
    const { core } = this
    const { facts } = this.scope
    if (saidInRange(core, e, extent, facts)) return e
    // A call has checked the labels that are read under some condition on them.
    const isLabel = e.kind === "load" && e.input.label !== undefined
    if (isLabel && facts.some((fact) => postorder([fact]).includes(e))) return e
    return core.op("max", core.zero, core.op("min", e, core.op("sub", extent, core.one)))
  }

  /** Whether evaluating a branch only when it is taken pays. */
  protected worthBranch(e: Expr): boolean {
    if (e.axes.length === 0) return false
    let cost = 0
    const seen = new Set<Expr>()
    const go = (x: Expr): boolean => {
      if (x.kind !== "op" || seen.has(x) || this.cached(x)) return false
      seen.add(x)
      cost += ops[x.op].cost ?? 1
      return cost >= LAZY_COST || x.args.some(go)
    }
    return go(e)
  }
}

/** What is known of a difference beyond its terms: a number less the largest of its row is not above 0. */
function rangeOf(e: Expr & { kind: "op" }): Interval | undefined {
  if (e.op !== "sub") return undefined
  const range = bounds(e)
  const [low, high] = ops.sub.bounds!(bounds(e.args[0]!), bounds(e.args[1]!))
  return range[0] > low || range[1] < high ? range : undefined
}
