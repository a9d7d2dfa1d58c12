// Placed statements -> a tree of loops: fusion from the sinks.
//
// Readers are placed before what they read. A producer joins the latest group of its readers that it may share a loop with:
// same dimension, not reduced by the producer, and read by every reader in the group at exactly that dimension. One
// recursion does this level by level.
import { postorder } from "./graph.ts"
import type { AxisExpr, Def, Expr } from "./ir.ts"
import { type Cycle, cyclesOf } from "./cycles.ts"
import { demands } from "./demand.ts"
import { type Placed, loadsOf, readsOf } from "./dimensions.ts"
import { flatMap } from "./lists.ts"

/** A loop over a dimension, or a statement. */
export type Tree =
  | {
      readonly kind: "loop"
      readonly axis: AxisExpr
      /** Whether the last index comes first. */
      readonly descending: boolean
      readonly body: readonly Tree[]
    }
  | { readonly kind: "statement"; readonly statement: Placed }

/** An edge from a statement to one that must come after it. */
interface Use {
  readonly reader: Placed
  /** The indices at which it reads, as places of the producer. */
  readonly index: readonly Expr[]
  /** How many loops it may share with the producer and still read what was made before; all if not given. */
  readonly loops?: number
}

type Direction = "ascending" | "descending"

interface Group {
  readonly axis: AxisExpr | undefined
  /** Set if a member depends on the order of the indices. */
  direction: Direction | undefined
  readonly members: Placed[]
  readonly after: Set<Group>
}

/** Arranges statements (each after those it reads) into loops. For owners, copies of a definition turn to their readers. */
export function fuse(statements: readonly Placed[], owner: boolean): Tree[] {
  return new Fusion(statements, owner).level(statements, 0)
}

class Fusion {
  private readonly uses = new Map<Placed, Use[]>()
  /** Conditions on options alone under which a statement matters. */
  private readonly options = new Map<Placed, ReadonlySet<Expr>>()
  /** Axis lists of inputs and outputs: arrays of such a shape may be stored. */
  private readonly shapes: ReadonlySet<string>[] = []

  private readonly cycles: readonly Cycle[]
  private readonly steps = new Map<Def, Placed>()
  private readonly owner: boolean

  constructor(statements: readonly Placed[], owner: boolean) {
    this.owner = owner
    this.cycles = cyclesOf(statements)
    for (const s of statements) if (s.op === "step") this.steps.set(s.def!, s)
    for (const [s, conditions] of demands(statements))
      this.options.set(s, new Set([...conditions].filter(readsOptionsOnly)))
    for (const s of statements) this.note(s)
    for (const s of statements)
      if (s.kind === "store") this.shapes.push(new Set(s.loops.map((a) => a.name)))
      else for (const shape of loadedShapes(s)) this.shapes.push(shape)
  }

  private note(reader: Placed): void {
    for (const { def, index } of readsOf(reader)) {
      this.use(reader.sources.get(def)!, { reader, index })
      const cycle = this.cycles.find((c) => c.recurrence === def.recurrence)
      // Seen from outside, a state comes from the steps; that of an index is complete when the loop arrives there.
      if (def.op === "state" && cycle && !cycle.members.has(reader)) {
        const { states, steps } = cycle.recurrence
        const step = this.steps.get(steps[states.indexOf(def)]!)!
        this.use(step, { reader, index, loops: step.loops.indexOf(cycle.axis) + 1 })
      }
    }
    if (reader.follows) this.use(reader.follows, { reader, index: reader.place })
  }

  private use(producer: Placed, use: Use): void {
    const list = this.uses.get(producer)
    if (list) list.push(use)
    else this.uses.set(producer, [use])
  }

  /** Arranges statements that share their first `depth` loops. */
  level(list: readonly Placed[], depth: number): Tree[] {
    const groups: Group[] = []
    const groupOf = new Map<Placed, Group>()
    const put = (s: Placed, group: Group, uses: readonly Use[]): void => {
      group.members.unshift(s)
      groupOf.set(s, group)
      for (const { reader } of uses) {
        const other = groupOf.get(reader)
        if (other && other !== group) group.after.add(other)
      }
    }
    for (const s of [...list].reverse()) {
      if (groupOf.has(s)) continue
      const axis = s.loops[depth]
      const usesOf = (x: Placed): Use[] =>
        (this.uses.get(x) ?? []).filter((u) => groupOf.has(u.reader) && depth < (u.loops ?? Infinity))
      const own = usesOf(s)
      if (depth === 0 && axis && this.recomputable(s, own)) {
        const readers = [...new Set(own.map((u) => groupOf.get(u.reader)!))]
        const hosts = readers.filter(
          (g) =>
            (g.axis === axis || this.owner) &&
            own.every((u) => groupOf.get(u.reader) !== g || fusible(s, u, g.axis)),
        )
        const turns = readers.some((g) => g.axis !== axis)
        if ((readers.length > 1 || turns) && hosts.length === readers.length) {
          // One copy for each group of readers.
          for (const [i, group] of hosts.entries()) {
            const copy = i === 0 && !turns ? s : turned(s, group.axis!)
            if (copy !== s) this.note(copy)
            const mine = own.filter((u) => groupOf.get(u.reader) === group)
            for (const { reader } of mine) reader.sources.set(s.def!, copy)
            this.uses.set(copy, mine)
            put(copy, group, mine)
          }
          continue
        }
      }
      // What runs at each index of a recurrence is placed at once.
      const isIn = (x: Placed, c: Cycle): boolean => c.members.has(x) || c.besides.has(x)
      const cycle = this.cycles.find((c) => isIn(s, c) && depth <= s.loops.indexOf(c.axis))
      const unit = cycle ? list.filter((x) => isIn(x, cycle)) : [s]
      const uses = flatMap(unit, (producer) => usesOf(producer).map((use) => ({ producer, use })))
      const direction = directionOf(unit, axis, cycle)
      const host = axis && this.host(groups, groupOf, unit, uses, axis, direction)
      const group = host ?? { axis, direction, members: [], after: new Set<Group>() }
      if (!host) groups.unshift(group)
      group.direction ??= direction
      for (const x of [...unit].reverse()) put(x, group, usesOf(x))
    }
    return flatMap(ordered(groups), (g): Tree[] =>
      g.axis === undefined
        ? g.members.map((statement) => ({ kind: "statement", statement }))
        : [
            {
              kind: "loop",
              axis: g.axis,
              descending: g.direction === "descending",
              body: this.level(g.members, depth + 1),
            },
          ],
    )
  }

  /** The latest group that a unit may share a loop over an axis with. */
  private host(
    groups: readonly Group[],
    groupOf: ReadonlyMap<Placed, Group>,
    unit: readonly Placed[],
    uses: readonly { readonly producer: Placed; readonly use: Use }[],
    axis: AxisExpr,
    direction: Direction | undefined,
  ): Group | undefined {
    const readers = [...new Set(uses.map(({ use }) => groupOf.get(use.reader)!))]
    const reading = (g: Group): typeof uses => uses.filter(({ use }) => groupOf.get(use.reader) === g)
    const near = readers.filter((g) => reading(g).some(({ producer, use }) => fusible(producer, use, axis)))
    const candidates = [...new Set([...near, ...[...groups].reverse()])].filter((g) => g.axis === axis)
    return candidates.find(
      (g) =>
        (!direction || !g.direction || g.direction === direction) &&
        reading(g).every(({ producer, use }) => fusible(producer, use, axis)) &&
        readers.every((h) => h === g || !reaches(h, g)) &&
        g.members.every((m) => unit.every((s) => this.together(s, m, axis))),
    )
  }

  /** A reduction that an option turns off has a loop of its own, so that the loop is skipped and not run for nothing. */
  private together(s: Placed, m: Placed, axis: AxisExpr): boolean {
    const [own, other] = [this.options.get(s) ?? none, this.options.get(m) ?? none]
    return (!s.bound.includes(axis) || within(own, other)) && (!m.bound.includes(axis) || within(other, own))
  }

  /**
   * Whether computing a definition again in each group costs what computing it once did, and storing it would need an array
   * of a shape that no input or output has (a pairwise score).
   */
  private recomputable(s: Placed, uses: readonly Use[]): boolean {
    if (
      s.kind !== "define" ||
      s.op === "state" ||
      s.formals.length < 2 ||
      s.place.some((e) => e.kind !== "axis")
    )
      return false
    if (this.cycles.some((c) => c.members.has(s))) return false
    const names = s.formals.map((a) => a.name)
    if (this.shapes.some((shape) => names.every((n) => shape.has(n)))) return false
    if (uses.some(({ reader }) => comparesExactly(reader, s.def!))) return false
    if (this.owner) return true
    const own = s.loops.filter((a) => s.formals.includes(a))
    return uses.every(
      ({ reader, index }) =>
        own.every((a, i) => reader.loops[i] === a) && s.place.every((e, i) => index[i] === e),
    )
  }
}

const none: ReadonlySet<Expr> = new Set()

function within(x: ReadonlySet<Expr>, y: ReadonlySet<Expr>): boolean {
  for (const c of x) if (!y.has(c)) return false
  return true
}

/** The order in which a loop must run for what is in it: that of a recurrence, or the first of equal values first. */
function directionOf(
  unit: readonly Placed[],
  axis: AxisExpr | undefined,
  cycle: Cycle | undefined,
): Direction | undefined {
  if (cycle && cycle.axis === axis) return cycle.recurrence.descending ? "descending" : "ascending"
  const first = unit.some((s) => (s.op === "argmax" || s.op === "argmin") && s.bound.includes(axis!))
  return first ? "ascending" : undefined
}

/** Whether a condition depends on scalar options and on nothing else. */
function readsOptionsOnly(e: Expr): boolean {
  const leaves = postorder([e]).filter((x) => x.kind !== "op" && x.kind !== "const")
  return leaves.length > 0 && leaves.every((x) => x.kind === "load" && x.index.length === 0)
}

/** Whether a statement tests a value for equality (a tie): computed again in another loop, it may round differently. */
function comparesExactly(s: Placed, def: Def): boolean {
  return postorder([s.filter, s.body]).some(
    (e) =>
      e.kind === "op" &&
      (e.op === "eq" || e.op === "ne") &&
      e.args.some((x) => x.type === "real" && x.refs.some((ref) => ref.def === def)),
  )
}

/** Whether a reader may share the producer's loop over a dimension: it reads what the same iteration wrote. */
function fusible(s: Placed, use: Use, axis: AxisExpr | undefined): boolean {
  const at = !axis || s.bound.includes(axis) ? -1 : s.place.indexOf(axis)
  return at >= 0 && use.index[at] === axis
}

/** A copy of a statement with the loop over a dimension outermost. */
function turned(s: Placed, axis: AxisExpr): Placed {
  return { ...s, loops: [axis, ...s.loops.filter((a) => a !== axis)], sources: new Map(s.sources) }
}

function reaches(from: Group, to: Group): boolean {
  const seen = new Set<Group>()
  const go = (g: Group): boolean => {
    if (g === to) return true
    if (seen.has(g)) return false
    seen.add(g)
    return [...g.after].some(go)
  }
  return go(from)
}

/** Groups in an order in which each stands before those that must come after it; otherwise as listed. */
function ordered(groups: readonly Group[]): Group[] {
  const out: Group[] = []
  const seen = new Set<Group>()
  const go = (g: Group): void => {
    if (seen.has(g)) return
    seen.add(g)
    for (const next of groups) if (g.after.has(next)) go(next)
    out.unshift(g)
  }
  for (const g of [...groups].reverse()) go(g)
  return out
}

/** The sets of dimensions by which a statement loads inputs of two axes or more. */
function loadedShapes(s: Placed): ReadonlySet<string>[] {
  return flatMap(loadsOf(s), ({ index }) => {
    const names = flatMap(index, (x) => (x.kind === "axis" ? [x.name] : []))
    return names.length > 1 ? [new Set(names)] : []
  })
}
