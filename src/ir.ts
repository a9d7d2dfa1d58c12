// The interner of the core. Equal expressions are identical objects within one `Core`, and definitions are interned modulo
// all axis names, so `lse` and `lse[b = j]` are one vector read at two indices.
import { limit } from "./diagnostics.ts"
import {
  type AxisExpr,
  conjuncts,
  type Def,
  type Expr,
  givesPlaces,
  node,
  type Recurrence,
  type ReduceOp,
} from "./expr.ts"
import { flatMap } from "./lists.ts"
import { type Entry, NodeMap } from "./node-map.ts"
import { type OpName, type TableEntry, ops } from "./ops.ts"
import { compare, orderings, unionAxes, unionRefs } from "./order.ts"
import { recurrenceKey } from "./recurrence-key.ts"
import type { Input, ScalarType } from "./types.ts"

export * from "./expr.ts"
export { compare, compareDefs, unionAxes } from "./order.ts"

/** Limits of one compilation; see the README for the defaults. */
export interface CoreLimits {
  readonly nodes: number
}

/** Tries to replace an operator about to be made by something simpler or equal; undefined leaves it. */
export type Rewrite = (core: Core, op: OpName, args: readonly Expr[]) => Expr | undefined

/**
 * The interner of one compilation and the constructors of its expressions. Constructors normalise (fold constants, apply
 * identities that hold bit for bit or only lose the sign of a zero); they never recognise: that is the work of rules.
 */
export class Core {
  private readonly rewrite: Rewrite | undefined
  /** Leaves by what they say, axes by extent and name. */
  private readonly leaves = new Map<string, Expr>()
  private readonly axesOf = new Map<Expr, Map<string, AxisExpr>>()
  /** Operators with arguments that were asked for, and what they became. */
  private readonly applied = new NodeMap()
  private readonly loads = new NodeMap()
  private readonly refs = new NodeMap()
  private nodeCount = 0
  private readonly defs = new Map<string, { def: Def; order: readonly number[] }>()
  private readonly inputIds = new Map<Input, number>()
  private readonly recurrences = new Map<string, Recurrence>()
  /** Renamings by the axes they exchange, and what they made of each expression. */
  private readonly renamed = new Map<string, Map<Expr, Expr>>()
  private fresh = 0
  private defCount = 0
  private recurrenceCount = 0
  readonly limits: CoreLimits
  readonly true: Expr
  readonly false: Expr
  readonly zero: Expr
  readonly one: Expr

  constructor(rewrite?: Rewrite, limits: CoreLimits = { nodes: 400_000 }) {
    this.rewrite = rewrite
    this.limits = limits
    this.true = this.bool(true)
    this.false = this.bool(false)
    this.zero = this.const(0)
    this.one = this.const(1)
  }

  /** How many distinct nodes exist. */
  get size(): number {
    return this.nodeCount
  }

  /** A number; a whole one is an int, which may stand wherever a real may. */
  const(value: number): Expr {
    const type = Number.isInteger(value) ? "int" : "real"
    return this.leaf(`n${Object.is(value, -0) ? "-0" : value}`, (id) =>
      node("const", id, type, [], [], { value }),
    )
  }

  bool(value: boolean): Expr {
    return this.leaf(`b${+value}`, (id) => node("const", id, "bool", [], [], { value: +value }))
  }

  sizeOf(name: string): Expr {
    return this.leaf(`s${name}`, (id) => node("size", id, "int", [], [], { name }))
  }

  axis(name: string, extent: Expr): AxisExpr {
    let byName = this.axesOf.get(extent)
    if (!byName) this.axesOf.set(extent, (byName = new Map()))
    let axis = byName.get(name)
    if (!axis) {
      const axes: AxisExpr[] = []
      axis = node("axis", this.newId(), "int", axes, [], { name, extent })
      axes.push(axis)
      byName.set(name, axis)
    }
    return axis
  }

  /** An axis nobody else uses. Definitions are interned modulo names, so its name never shows. */
  freshAxis(extent: Expr): AxisExpr {
    return this.axis(`~${this.fresh++}`, extent)
  }

  load(input: Input, index: readonly Expr[] = []): Expr {
    const entry = this.loads.entry(this.numberOf(input), index)
    return (entry.node ??= node("load", this.newId(), input.type, unionAxes(index), unionRefs(index), {
      input,
      index,
    }))
  }

  private numberOf(input: Input): number {
    let number = this.inputIds.get(input)
    if (number === undefined) this.inputIds.set(input, (number = this.inputIds.size))
    return number
  }

  /** Applies an operator of the table, normalising. */
  op(op: OpName, ...args: Expr[]): Expr {
    const operator = ops[op]
    const entry = this.applied.entry(operator.number, args)
    return (entry.normal ??= this.rewrite?.(this, op, args) ?? this.apply(op, operator, args, entry))
  }

  /** The operator node itself, after folding constants and ordering the operands of a commutative operator. */
  raw(op: OpName, args: readonly Expr[]): Expr {
    const operator = ops[op]
    return this.apply(op, operator, args, this.applied.entry(operator.number, args))
  }

  private apply(op: OpName, operator: TableEntry, args: readonly Expr[], entry: Entry): Expr {
    if (entry.node) return entry.node
    if (args[0]!.kind === "const" && args.every((x) => x.kind === "const")) {
      const value = operator.eval(...args.map((x) => x.value))
      return operator.type(args.map((x) => x.type)) === "bool" ? this.bool(value !== 0) : this.const(value)
    }
    if (operator.commutative && compare(args[0]!, args[1]!) > 0) return this.raw(op, [args[1]!, args[0]!])
    const type = operator.type(args.map((x) => x.type))
    const own = { op, args }
    return (entry.node = node(
      "op",
      this.newId(),
      type,
      unionAxes(args),
      unionRefs(args),
      own,
      operator.number,
    ))
  }

  /** The value of a definition at the given indices, which match its formals in number and extent. */
  ref(def: Def, index: readonly Expr[]): Expr {
    let at = index
    for (const [i, j] of def.symmetric)
      if (compare(at[i]!, at[j]!) > 0) {
        const swapped = [...at]
        swapped[i] = at[j]!
        swapped[j] = at[i]!
        at = swapped
      }
    const entry = this.refs.entry(def.id, at)
    if (entry.node) return entry.node
    const refs = [...unionRefs(at)]
    const ref = node("ref", this.newId(), def.type, unionAxes(at), refs, { def, index: at })
    refs.push(ref)
    return (entry.node = ref)
  }

  /**
   * Interns a reduction modulo the names of its axes and returns a reference to it at its own free axes. Orderings of axes
   * of equal extent are tried, so equal reductions are found whatever their axes are called, and symmetric ones noted.
   * An argsort is read at its bound axis too, which it keeps.
   */
  define(op: ReduceOp, bound: readonly AxisExpr[], filter: Expr, body: Expr): Expr {
    const inside = new Set(bound)
    const free = unionAxes([filter, body]).filter((a) => !inside.has(a))
    const kept = op === "argsort" ? bound : []
    let first: { key: string; order: readonly number[]; make: () => Def } | undefined
    const symmetric: [number, number][] = []
    for (const boundOrder of orderings(bound))
      for (const freeOrder of orderings(free)) {
        const map = new Map<AxisExpr, Expr>()
        const formals = freeOrder.map((k, i) => {
          const to = this.axis(`@${i}`, free[k]!.extent)
          map.set(free[k]!, to)
          return to
        })
        kept.forEach((a, i) => formals.push(this.axis(`@${free.length + i}`, a.extent)))
        const reduced = boundOrder.map((k, i) => {
          const to = this.axis(`#${i}`, bound[k]!.extent)
          map.set(bound[k]!, to)
          return to
        })
        const renamedBody = this.rename(body, map)
        const renamedFilter = this.rename(filter, map)
        const key = `${op} ${ids(formals)} | ${ids(reduced)} | ${renamedFilter.id} | ${renamedBody.id}`
        const known = this.defs.get(key)
        if (known) return this.ref(known.def, [...freeOrder.map((k) => free[k]!), ...kept])
        if (!first) {
          const type = givesPlaces(op) ? "int" : op === "logsumexp" ? "real" : body.type
          first = {
            key,
            order: freeOrder,
            make: () => ({
              id: this.defCount++,
              op,
              type,
              formals,
              bound: reduced,
              filter: renamedFilter,
              body: renamedBody,
              symmetric,
              recurrence: undefined,
            }),
          }
        } else if (key === first.key) {
          const moved = flatMap(freeOrder, (k, i) => (k === first!.order[i] ? [] : [i]))
          if (moved.length === 2) symmetric.push([moved[0]!, moved[1]!])
        }
      }
    const def = first!.make()
    this.defs.set(first!.key, { def, order: first!.order })
    return this.ref(def, [...first!.order.map((k) => free[k]!), ...kept])
  }

  /**
   * Opens a recurrence along an axis: makes its states, each over the axis and the given axes, which its initial value may
   * have. `closeRecurrence` says what the steps are.
   */
  openRecurrence(
    over: AxisExpr,
    descending: boolean,
    states: readonly {
      readonly axes: readonly AxisExpr[]
      readonly type: ScalarType
      readonly initial: Expr
    }[],
  ): Recurrence {
    const made: Def[] = []
    const recurrence: Recurrence = { id: this.recurrenceCount++, descending, states: made, steps: [] }
    for (const { axes, type, initial } of states) {
      const map = this.toFormals([over, ...axes])
      const formals = [...map.values()]
      const body = this.rename(initial, map)
      made.push(this.stateOrStep("state", type, formals, body, recurrence))
    }
    return recurrence
  }

  /**
   * Gives the steps of an open recurrence: expressions over the axes with which it was opened. Returns the recurrence, or an
   * equal one that was closed before.
   */
  closeRecurrence(
    recurrence: Recurrence,
    steps: readonly { readonly axes: readonly AxisExpr[]; readonly value: Expr }[],
  ): Recurrence {
    const made = recurrence.steps as Def[]
    steps.forEach(({ axes, value }, i) => {
      const body = this.rename(value, this.toFormals(axes))
      const { type, formals } = recurrence.states[i]!
      made.push(this.stateOrStep("step", type, formals, body, recurrence))
    })
    const key = recurrenceKey(recurrence, (input) => this.numberOf(input))
    const known = this.recurrences.get(key)
    if (!known) this.recurrences.set(key, recurrence)
    return known ?? recurrence
  }

  private toFormals(axes: readonly AxisExpr[]): ReadonlyMap<AxisExpr, AxisExpr> {
    return new Map(axes.map((a, i) => [a, this.axis(`@${i}`, a.extent)]))
  }

  private stateOrStep(
    op: "state" | "step",
    type: ScalarType,
    formals: readonly AxisExpr[],
    body: Expr,
    recurrence: Recurrence,
  ): Def {
    const id = this.defCount++
    return { id, op, type, formals, bound: [], filter: this.true, body, symmetric: [], recurrence }
  }

  /** Replaces axes by axes without normalising: the same tree under other names. One renaming is met again and again. */
  private rename(root: Expr, map: ReadonlyMap<AxisExpr, Expr>): Expr {
    if (root.axes.length === 0) return root
    let key = ""
    for (const [from, to] of map) key += `${from.id} ${to.id},`
    let done = this.renamed.get(key)
    if (!done) this.renamed.set(key, (done = new Map()))
    const known = done
    const go = (e: Expr): Expr => {
      if (e.axes.length === 0) return e
      const seen = known.get(e)
      if (seen) return seen
      let out: Expr
      if (e.kind === "axis") out = map.get(e) ?? e
      else if (e.kind === "load") out = this.load(e.input, e.index.map(go))
      else if (e.kind === "ref") out = this.ref(e.def, e.index.map(go))
      else if (e.kind === "op") out = this.raw(e.op, e.args.map(go))
      else out = e
      known.set(e, out)
      return out
    }
    return go(root)
  }

  private leaf(key: string, make: (id: number) => Expr): Expr {
    let node = this.leaves.get(key)
    if (!node) this.leaves.set(key, (node = make(this.newId())))
    return node
  }

  private newId(): number {
    if (this.nodeCount >= this.limits.nodes)
      throw limit("too-many-nodes", `the loss needs more than ${this.limits.nodes} core nodes`)
    return this.nodeCount++
  }
}

function ids(list: readonly Expr[]): string {
  let out = ""
  for (const x of list) out += `,${x.id}`
  return out
}

/** The conjunction of conditions, each once, in the given order. */
export function conjunction(core: Core, list: readonly Expr[]): Expr {
  let out: Expr = core.true
  for (const c of new Set(flatMap(list, conjuncts))) out = core.op("and", out, c)
  return out
}
