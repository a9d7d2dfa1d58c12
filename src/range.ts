// When an index is in range: conditions on it, and what an expression relies on that stands around it.
import { proves } from "./bounds.ts"
import { combine, linear } from "./flat.ts"
import { type Core, type Expr, conjuncts, givesPlaces, isConst } from "./ir.ts"
import { NodeFact } from "./node-fact.ts"

/** The conditions under which an index is inside an extent; empty if that is known. */
export function inRange(core: Core, e: Expr, extent: Expr): Expr[] {
  // Only calls in which `...` has one element put a constant there.
  if (isConst(e, 0) && extent.kind === "size" && extent.name === "...") return []
  if (e.kind === "axis" && e.extent === extent) return []
  if (e.kind === "load" && e.input.label && !e.input.label.optional && e.input.label.extent === extent)
    return []
  if (e.kind === "ref" && givesPlaces(e.def.op) && e.def.bound[0]!.extent === extent) return []
  const conditions: Expr[] = []
  // A quotient is not negative if what is divided is not.
  const [whole, by] = e.kind === "op" && e.op === "idiv" ? e.args : [e, core.one]
  if (e.kind !== "axis")
    conditions.push(core.op("le", core.zero, by!.kind === "const" && by!.value > 0 ? whole! : e))
  if (!staysBelow(e, extent)) conditions.push(core.op("lt", e, extent))
  return conditions.filter((c) => !proves(c))
}

/** Whether the largest value of a linear form of axes is below an extent, whatever the sizes are. */
function staysBelow(e: Expr, extent: Expr): boolean {
  let largest = linear(e)
  for (const [atom, c] of largest.terms) {
    if (atom.kind !== "axis") continue
    largest = combine(largest, { terms: new Map([[atom, 1]]), constant: 0 }, -c)
    const last = linear(atom.extent)
    if (c > 0) largest = combine(largest, { ...last, constant: last.constant - 1 }, c)
  }
  const slack = combine(linear(extent), largest, -1)
  return slack.terms.size === 0 && slack.constant >= 1
}

/** What must hold: linear forms of ints, by their terms, with the least constant for which each is not negative. */
type Requirements = ReadonlyMap<string, number>

const none: Requirements = new Map()
const required = new NodeFact<Requirements>()

/**
 * What must hold around an expression for every index in it to be in range. What it tests itself before it reads is not
 * among it.
 */
function requirements(core: Core, e: Expr): Requirements {
  if (e.kind === "const" || e.kind === "size" || e.kind === "axis") return none
  const known = required.get(e)
  if (known) return known
  let out: Map<string, number> | undefined
  const put = (terms: string, constant: number): void => {
    out ??= new Map()
    out.set(terms, Math.min(constant, out.get(terms) ?? Infinity))
  }
  const add = (x: Expr, tested: readonly Expr[] = []): void => {
    const needs = requirements(core, x)
    if (needs.size === 0) return
    const given = tested.map(saying)
    for (const [terms, constant] of needs)
      if (!given.some((fact) => fact.terms === terms && fact.constant <= constant)) put(terms, constant)
  }
  if (e.kind === "load" || e.kind === "ref") {
    const extents =
      e.kind === "load" ? e.input.dimensions.map((d) => d.extent) : e.def.formals.map((f) => f.extent)
    e.index.forEach((x, i) => {
      add(x)
      for (const c of inRange(core, x, extents[i]!)) {
        const { terms, constant } = saying(c)
        put(terms, constant)
      }
    })
  } else if (e.kind === "op") {
    const [x, y, z] = e.args
    add(x!)
    if (e.op === "select" || e.op === "guard" || e.op === "and") add(y!, conjuncts(x!))
    else if (e.op === "or") add(y!, conjuncts(core.op("not", x!)))
    else if (y) add(y)
    if (z) add(z, e.op === "select" ? conjuncts(core.op("not", x!)) : [])
  }
  const found = out ?? none
  required.set(e, found)
  return found
}

/** A linear form that is not negative: its terms, in an order of their own, and its constant. */
interface Saying {
  readonly terms: string
  readonly constant: number
}

const sayings = new NodeFact<Saying>()

/** A comparison of ints as a linear form that is not negative, however it is written; other conditions stand for themselves. */
function saying(c: Expr): Saying {
  let known = sayings.get(c)
  if (!known) sayings.set(c, (known = read(c)))
  return known
}

function read(c: Expr): Saying {
  const isComparison = c.kind === "op" && (c.op === "le" || c.op === "lt")
  if (!isComparison || c.args.some((x) => x.type !== "int")) return { terms: `${c.id}`, constant: 0 }
  const [x, y] = c.args as readonly [Expr, Expr]
  const { terms, constant } = combine(linear(y), linear(x), -1)
  const atoms = [...terms].map(([atom, k]) => `${k} ${atom.id}`).sort()
  return { terms: atoms.join(), constant: c.op === "lt" ? constant - 1 : constant }
}

/** Whether facts say of an index that it is inside an extent. */
export function saidInRange(core: Core, e: Expr, extent: Expr, facts: readonly Expr[]): boolean {
  const known = facts.map(saying)
  return inRange(core, e, extent).every((c) => {
    const { terms, constant } = saying(c)
    return known.some((fact) => fact.terms === terms && fact.constant <= constant)
  })
}

/** Those of some conditions that keep indices of an expression in range. */
export function reliedOn(core: Core, e: Expr, conditions: readonly Expr[]): Expr[] {
  const needs = requirements(core, e)
  return conditions.filter((c) => {
    const { terms, constant } = saying(c)
    const needed = needs.get(terms)
    return needed !== undefined && constant <= needed
  })
}

/** Whether an expression reads an array at an index that nothing but a condition around it keeps in range. */
export function isConditional(core: Core, e: Expr): boolean {
  return requirements(core, e).size > 0
}

const data = new NodeFact<boolean>()

/** Whether an expression's value depends on more than axes, sizes and options. */
export function readsData(e: Expr): boolean {
  if (e.kind === "load") return e.index.length > 0
  if (e.kind === "ref") return true
  if (e.kind !== "op") return false
  let reads = data.get(e)
  if (reads === undefined) data.set(e, (reads = e.args.some(readsData)))
  return reads
}
