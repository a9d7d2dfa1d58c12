// Contributions of the steps of a recurrence to one adjoint, as one sum over the steps: core -> core.
//
// What one definition adds in a step another may take away, all but a trace: the updates of Sinkhorn's iterations do, once they
// have settled. In sums of their own both add up what they are to lose to the first term, which is large, and round it away.
import { commonFactors, factors, fromFactors, fromTerms, type Term, terms, without } from "./flat.ts"
import { postorder, recurrencesIn } from "./graph.ts"
import { type AxisExpr, type Core, type Expr, type RefExpr, compare } from "./ir.ts"
import { reduce, substitute } from "./sums.ts"

/** The sum of two expressions; sums over the steps of a recurrence that have equal factors become one. */
export function addSteps(core: Core, x: Expr, y: Expr): Expr {
  const list = terms(x)
  const [added, ...more] = terms(y)
  if (more.length === 0)
    for (const [i, term] of list.entries()) {
      const both = together(core, term, added!)
      if (both) return fromTerms(core, list.with(i, { term: both, negative: false }))
    }
  return core.op("add", x, y)
}

/** The sum of two products that differ in one factor only, a sum over steps or with one inside. */
function together(core: Core, x: Term, y: Term): Expr | undefined {
  const [ours, theirs] = [factors(x.term), factors(y.term)]
  const shared = commonFactors([ours, theirs])
  const [[a, ...moreOurs], [b, ...moreTheirs]] = [without(ours, shared), without(theirs, shared)]
  if (!a || !b || moreOurs.length + moreTheirs.length > 0 || a.inverse || b.inverse) return undefined
  if (!isSum(a.factor) || !isSum(b.factor)) return undefined
  if ([a.factor, b.factor].some(({ def }) => recurrencesIn(def).length === 0)) return undefined
  const bound = inOrder(a.factor)
  const others = inOrder(b.factor)
  if (bound.length !== others.length || bound.some((axis, i) => axis.extent !== others[i]!.extent))
    return undefined
  const axes = bound.map((axis) => core.freshAxis(axis.extent))
  const [left, right] = [inside(core, a.factor, bound, axes), inside(core, b.factor, others, axes)]
  const isOverSteps = readsSteps(left.body, axes) && readsSteps(right.body, axes)
  if (!isOverSteps && left.filter !== right.filter) return undefined
  const body = isOverSteps
    ? fromTerms(core, [
        { term: core.op("guard", left.filter, left.body), negative: x.negative },
        { term: core.op("guard", right.filter, right.body), negative: y.negative },
      ])
    : together(core, { term: left.body, negative: x.negative }, { term: right.body, negative: y.negative })
  if (!body) return undefined
  const sum = reduce(core, "sum", axes, isOverSteps ? core.true : left.filter, body)
  return fromFactors(core, [...shared, { factor: sum, inverse: false }])
}

const isSum = (e: Expr): e is RefExpr => e.kind === "ref" && e.def.op === "sum"

/** The axes that a sum runs over, those of equal extents together. */
const inOrder = ({ def }: RefExpr): AxisExpr[] => def.bound.toSorted((p, q) => compare(p.extent, q.extent))

/** What a sum adds up, over new axes. */
function inside(
  core: Core,
  { def, index }: RefExpr,
  bound: readonly AxisExpr[],
  axes: readonly AxisExpr[],
): { filter: Expr; body: Expr } {
  const map = new Map<AxisExpr, Expr>(def.formals.map((f, i) => [f, index[i]!]))
  bound.forEach((axis, i) => map.set(axis, axes[i]!))
  return { filter: substitute(core, def.filter, map), body: substitute(core, def.body, map) }
}

/** Whether an expression reads a state along one of these axes. */
const readsSteps = (e: Expr, axes: readonly AxisExpr[]): boolean =>
  postorder([e]).some(
    (x) => x.kind === "ref" && x.def.recurrence && x.index[0]!.axes.some((axis) => axes.includes(axis)),
  )
