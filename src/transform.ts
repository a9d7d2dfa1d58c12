// Rebuilding core expressions bottom-up, definitions included: core -> core.
import { type Core, type Def, type Expr, type LoadExpr } from "./ir.ts"
import type { OpName } from "./ops.ts"
import { reduce, refer, substitute } from "./sums.ts"

/** What to do instead of rebuilding a node as it was; undefined means nothing special. */
export interface Change {
  /** For a load whose indices are already rebuilt. */
  readonly load?: (e: LoadExpr, index: readonly Expr[]) => Expr | undefined
  /** For an operator whose arguments are already rebuilt. */
  readonly op?: (op: OpName, args: readonly Expr[]) => Expr | undefined
  /** For a definition, as an expression over its formals; `rebuild` is for its filter and body. */
  readonly def?: (def: Def, rebuild: (e: Expr) => Expr) => Expr | undefined
  /** Before anything else, for a node as it was. */
  readonly before?: (e: Expr, rebuild: (e: Expr) => Expr) => Expr | undefined
}

/** A function that rebuilds expressions of one core with a change, remembering what it has seen. */
export function transformer(core: Core, change: Change): (e: Expr) => Expr {
  const done = new Map<Expr, Expr>()
  const defs = new Map<Def, Expr>()
  const rebuild = (e: Expr): Expr => {
    const seen = done.get(e)
    if (seen) return seen
    const out = change.before?.(e, rebuild) ?? build(e)
    done.set(e, out)
    return out
  }
  const build = (e: Expr): Expr => {
    switch (e.kind) {
      case "load": {
        const index = e.index.map(rebuild)
        return change.load?.(e, index) ?? core.load(e.input, index)
      }
      case "op": {
        const args = e.args.map(rebuild)
        const same = args.every((x, i) => x === e.args[i])
        return change.op?.(e.op, args) ?? (same ? e : core.op(e.op, ...args))
      }
      case "axis":
        return core.axis(e.name, rebuild(e.extent))
      case "ref":
        return at(e.def, e.index.map(rebuild))
      default:
        return e
    }
  }
  /** The rebuilt definition at rebuilt indices. */
  const at = (def: Def, index: readonly Expr[]): Expr => {
    let value = defs.get(def)
    if (!value) {
      const bound = def.bound.map((a) => core.axis(a.name, rebuild(a.extent)))
      value =
        change.def?.(def, rebuild) ?? reduce(core, def.op, bound, rebuild(def.filter), rebuild(def.body))
      if (def.op === "argsort") {
        const { name, extent } = def.formals.at(-1)!
        value = substitute(core, value, new Map([[bound[0]!, core.axis(name, rebuild(extent))]]))
      }
      defs.set(def, value)
    }
    const formals = def.formals.map((f) => core.axis(f.name, rebuild(f.extent)))
    // A definition that is still one keeps being read where it was; only a new shape decides anew.
    if (value.kind === "ref" && value.index.every((i) => i.kind === "axis")) {
      const order = value.index.map((i) => index[formals.indexOf(i as (typeof formals)[number])])
      if (order.every((i) => i !== undefined)) return refer(core, value.def, order as Expr[])
    }
    return substitute(core, value, new Map(formals.map((f, i) => [f, index[i]!])))
  }
  return rebuild
}
