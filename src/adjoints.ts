// What a reduction passes back to its body: core -> core, before the chain rule goes on inside.
import { type AxisExpr, type Core, type Def, type Expr, conjunction } from "./ir.ts"
import { count, reduce, unguard } from "./sums.ts"

/** The adjoint of the body of a reduction, over its formals and bound axes, from that of its values; nothing if it has none. */
export function adjointOfBody(core: Core, def: Def, g: Expr): Expr | undefined {
  const { op, bound, filter, body } = def
  const self = core.ref(def, def.formals)
  switch (op) {
    case "let":
      return g
    case "sum":
      return guarded(core, filter, g)
    case "max":
    case "min": {
      const best = core.op("eq", body, self)
      const ties = count(core, bound, conjunction(core, [filter, best]))
      // Of no index there are no ties, and no gradient either.
      return guarded(core, core.op("and", filter, best), core.op("ratio", g, ties))
    }
    case "logsumexp": {
      // A row of nothing but -inf has gradient 0, not NaN.
      const some = core.op("lt", core.const(-Infinity), self)
      const weight = core.op("exp", core.op("sub", body, self))
      return guarded(core, core.op("and", filter, some), core.op("mul", g, weight))
    }
    case "prod":
      return adjointOfFactor(core, bound, filter, body, self, g)
    default:
      return undefined
  }
}

/** The adjoint of a factor from that of its product, which is `product`. */
export function adjointOfFactor(
  core: Core,
  bound: readonly AxisExpr[],
  filter: Expr,
  factor: Expr,
  product: Expr,
  g: Expr,
): Expr {
  // With one zero only that factor has a derivative: the product of the others; with two, none has.
  const zero = core.op("eq", factor, core.zero)
  const zeros = count(core, bound, conjunction(core, [filter, zero]))
  const others = reduce(core, "prod", bound, conjunction(core, [filter, core.op("not", zero)]), factor)
  const none = core.op(
    "guard",
    core.op("eq", zeros, core.zero),
    core.op("div", core.op("mul", g, product), factor),
  )
  const single = core.op("guard", core.op("eq", zeros, core.one), core.op("mul", g, others))
  return guarded(core, filter, core.op("select", zero, single, none))
}

/** An adjoint under a condition. Its own conditions come first: the definition may be legal only where it is read. */
function guarded(core: Core, condition: Expr, adjoint: Expr): Expr {
  const { conditions, value } = unguard(adjoint)
  return core.op("guard", conjunction(core, [...conditions, condition]), value)
}
