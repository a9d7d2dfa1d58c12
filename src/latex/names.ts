// What is called how in printed mathematics: which definitions stand where they are read and which have a name, what is
// large and repeated, and what the axes are called in each place.
import type { AxisExpr, Core, Def, Expr, RefExpr } from "../ir.ts"
import { children, definitions } from "../graph.ts"
import { bare, freeLetter, nameAxes, prefixes } from "../print-core.ts"
import { type Tex, indexed, nothing, word } from "./tex.ts"

/** Where an expression stands: how its axes are shown, the names of those that are only renamed, and all that are not free. */
export interface Scope {
  readonly at: ReadonlyMap<AxisExpr, Tex>
  readonly names: ReadonlyMap<AxisExpr, string>
  readonly taken: ReadonlySet<string>
}

/** How something is called at indices along its axes. */
export type Name = (index: readonly Tex[]) => Tex

/** Whether something of this size, in operators and names, deserves a name when it is read so often. */
const deservesName = (size: number, uses: number): boolean =>
  (size >= 7 && uses > 1) || (size >= 4 && uses > 3)

/** What has one name: a definition, or the two sides of a recurrence, whose values at an index and after the last are one sequence. */
function sides(def: Def): readonly Def[] {
  const { states, steps } = def.recurrence ?? { states: [def], steps: [def] }
  const at = Math.max(states.indexOf(def), steps.indexOf(def))
  return [...new Set([steps[at]!, states[at]!])]
}

/** The names in the mathematics of one loss: one that was given is kept. */
export class Names {
  /** The definitions that got a name since the last call of `enter`, in order. */
  pending: Def[] = []
  private readonly core: Core
  private readonly axes = new Map<Def, ReadonlyMap<AxisExpr, string>>()
  private readonly given = new Map<Def, Name>()
  private readonly counts = new Map<string, number>()
  private readonly values = new Map<Expr, RefExpr>()
  private readonly places = new Map<Def, Set<string>>()
  private readonly sizes = new Map<Expr, number>()
  private hidesRest = false

  constructor(core: Core) {
    this.core = core
  }

  /** Finds where everything is read that these expressions are made of; nothing is pending after it. */
  enter(roots: readonly Expr[]): void {
    const defs = definitions(roots)
    // A batch of any rank needs no index, unless something runs over it.
    this.hidesRest = !defs.some((def) => def.bound.some((a) => this.namesIn(def).get(a) === "..."))
    this.pending = []
    this.places.clear()
    this.sizes.clear()
    const entered = new Set<Def>()
    const add = (def: Def, place: string): void => {
      const places = this.places.get(def)
      if (places) places.add(place)
      else this.places.set(def, new Set([place]))
    }
    // `place` is the line that an expression is printed on, or the expression around it that may get a name.
    const arrive = (e: Expr, place: string): void => {
      if (e.kind === "ref") add(e.def, `${place} ${e.id}`)
      // A condition gets no name: its parts are printed as often as it is.
      if (e.kind === "op" && !this.canBeNamed(e)) return e.args.forEach((x) => arrive(x, place))
      const { def } = this.value(e)
      if (this.canBeNamed(e)) add(def, `${place} ${e.id}`)
      if (entered.has(def)) return
      entered.add(def)
      children(e).forEach((x) => arrive(x, e.kind === "op" ? `in ${def.id}` : place))
      if (e.kind === "ref" && !this.given.has(e.def)) sides(e.def).forEach(enter)
    }
    const enter = (def: Def): void => {
      if (entered.has(def)) return
      entered.add(def)
      arrive(def.filter, `in ${def.id}`)
      arrive(def.body, `in ${def.id}`)
    }
    roots.forEach((e, i) => arrive(e, `line ${i}`))
  }

  /** Calls an expression what stands on the left of its line, at indices along these axes. */
  give(e: Expr, axes: readonly AxisExpr[], left: Name): void {
    if (!this.canBeNamed(e) || this.sizeOf(e) < 7) return
    const { def, index } = this.value(e)
    if (this.given.has(def) || axes.some((a) => !index.includes(a))) return
    this.given.set(def, (at) => left(axes.map((a) => at[index.indexOf(a)]!)))
  }

  /** Whether a definition stands where it is read. */
  isInlined(def: Def): boolean {
    if (def.recurrence || def.op === "argsort") return false
    return !this.given.has(def) && this.places.get(def)?.size === 1
  }

  /** Whether an expression is something that a name can stand for: a value that is computed. */
  canBeNamed(e: Expr): boolean {
    return e.kind === "op" && e.type !== "bool"
  }

  /** Whether an expression shows by a name: it has one, or it is large and repeated. */
  isNamed(e: Expr): boolean {
    if (!this.canBeNamed(e)) return false
    const { def } = this.value(e)
    return this.given.has(def) || deservesName(this.sizeOf(e), this.places.get(def)?.size ?? 0)
  }

  /** The name of an expression where its axes are shown as here; it gets one if it has none yet. */
  of(e: Expr, scope: Scope): Tex {
    const { def, index } = this.value(e)
    return this.ofDefinition(def, "T")(index.map((a) => scope.at.get(a as AxisExpr)!))
  }

  /** The name of a definition that is not inlined. */
  ofDefinition(def: Def, prefix = prefixes[def.op]): Name {
    let known = this.given.get(def)
    if (!known) {
      const n = (this.counts.get(prefix) ?? 0) + 1
      this.counts.set(prefix, n)
      known = (index) => indexed(word(`${prefix}${n}`), index)
      for (const side of sides(def)) {
        this.given.set(side, known)
        this.pending.push(side)
      }
    }
    return known
  }

  /** An expression as a definition, the same one whatever its axes are called. */
  private value(e: Expr): RefExpr {
    let ref = this.values.get(e)
    if (!ref) this.values.set(e, (ref = this.core.define("let", [], this.core.true, e) as RefExpr))
    return ref
  }

  /** How large an expression is where it is printed. */
  private sizeOf(e: Expr): number {
    let size = this.sizes.get(e)
    if (size === undefined) {
      const parts = e.kind === "op" ? e.args : e.kind === "ref" && this.isInlined(e.def) ? [e.def.body] : []
      size = parts.reduce((total, x) => Math.min(total + this.sizeOf(x), 1000), 1)
      this.sizes.set(e, size)
    }
    return size
  }

  // ---------------------------------------------------------------------------------------- scopes

  /** The scope of an expression over axes that are called as they are. */
  outermost(axes: readonly AxisExpr[]): Scope {
    return this.scope(new Map(axes.map((a) => [a, bare(a)])))
  }

  /** The scope of the line that says what a definition is. */
  ofLine(def: Def): Scope {
    const names = this.namesIn(def)
    return this.scope(new Map(def.formals.map((a) => [a, names.get(a)!])))
  }

  private namesIn(def: Def): ReadonlyMap<AxisExpr, string> {
    const known = this.axes.get(def)
    if (known) return known
    // A state is called as its step, which reads what the other states hold.
    const [step] = sides(def)
    if (def.op === "state") {
      const names = this.namesIn(step!)
      return new Map(def.formals.map((a, i) => [a, names.get(step!.formals[i]!)!]))
    }
    for (const { def: read } of [...def.body.refs, ...def.filter.refs])
      if (read.op !== "state") this.namesIn(read)
    const names = nameAxes(def, this.axes)
    // An axis without a wish is called as what it runs over, where that is free.
    for (const axis of [...def.formals, ...def.bound]) {
      const { extent } = axis
      if (extent.kind === "size" && ![...names.values()].includes(extent.name)) names.set(axis, extent.name)
    }
    this.axes.set(def, names)
    return names
  }

  /** The scope inside a definition that is read at indices: its bound axes get names that are free. */
  inside(def: Def, index: RefExpr["index"], outer: Scope, show: (e: Expr) => Tex): Scope {
    const at = new Map<AxisExpr, Tex>()
    const names = new Map<AxisExpr, string>()
    const taken = new Set(outer.taken)
    def.formals.forEach((formal, i) => {
      const e = index[i]!
      at.set(formal, show(e))
      const name = e.kind === "axis" ? outer.names.get(e) : undefined
      if (name !== undefined) names.set(formal, name)
    })
    for (const axis of def.bound) {
      const wish = this.namesIn(def).get(axis)!
      const name = taken.has(wish) ? freeLetter(taken) : wish
      at.set(axis, this.shown(name))
      names.set(axis, name)
      taken.add(name)
    }
    return { at, names, taken }
  }

  private scope(names: ReadonlyMap<AxisExpr, string>): Scope {
    const at = new Map([...names].map(([axis, name]) => [axis, this.shown(name)]))
    return { at, names, taken: new Set(names.values()) }
  }

  private shown(name: string): Tex {
    return name === "..." && this.hidesRest ? nothing : word(name)
  }
}
