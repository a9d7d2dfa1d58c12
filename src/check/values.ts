// What an expression of the language stands for while it is checked: a core expression, and what must hold wherever it is
// read. Needs travel with a value through `let`s and calls and collect the conditions around each use.
import type { CheckCode } from "../catalogue/check.ts"
import type { AxisExpr, Core, Expr, LoadExpr } from "../ir.ts"
import { flatMap } from "../lists.ts"
import type { Source, Span } from "../source.ts"
import { substitute } from "../sums.ts"
import { type Proof, prove } from "./ranges.ts"

/** A place in a text. */
export interface Place {
  readonly source: Source
  readonly span: Span
}

/** What is said about a condition that cannot be proved. */
export interface Failure {
  readonly code: CheckCode
  readonly message: string
  readonly help: string
  /** Stands for this message and another one of the same place: an index that is wrong at both ends. */
  readonly both?: string
}

/** A condition that must be known to hold where a value is read, under the conditions in `given`. */
export interface ConditionNeed {
  readonly kind: "condition"
  readonly condition: Expr
  /** Conditions under which the value is read, innermost first. */
  readonly given: readonly Expr[]
  readonly place: Place
  /** What is said if it cannot be proved. */
  readonly failure: Failure
  /** Stands before the condition in the message of the check at entry. */
  readonly entry: string
  /** Only a warning hangs on it. */
  readonly lint?: boolean
}

/** An optional label that a gather reads under the conditions in `given`. */
export interface LabelNeed {
  readonly kind: "label"
  readonly load: LoadExpr
  readonly given: readonly Expr[]
}

export type Need = ConditionNeed | LabelNeed

/** A function from axis indices to a number or a bool. */
export interface Scalar {
  readonly kind: "scalar"
  readonly expr: Expr
  readonly needs: readonly Need[]
}

/** A string: it stands for a member of a choice. */
export interface Text {
  readonly kind: "text"
  readonly text: string
}

/** Several results. */
export interface Tuple {
  readonly kind: "tuple"
  readonly items: readonly Value[]
}

/** The value of something wrong that was reported already; whatever uses it stays silent. */
export interface Broken {
  readonly kind: "broken"
}

export type Value = Scalar | Text | Tuple | Broken

export const broken: Broken = { kind: "broken" }

/** A value that needs nothing. */
export const plain = (expr: Expr): Scalar => ({ kind: "scalar", expr, needs: [] })

/** An expression with the needs of the values it was made from. */
export function scalar(expr: Expr, from: readonly Scalar[], more: readonly Need[] = []): Scalar {
  return { kind: "scalar", expr, needs: union([...from.map((v) => v.needs), more]) }
}

function union(lists: readonly (readonly Need[])[]): readonly Need[] {
  const full = lists.filter((list) => list.length > 0)
  if (full.length <= 1) return full[0] ?? []
  const out = new Map<string, Need>()
  for (const need of full.flat()) out.set(key(need), need)
  return [...out.values()]
}

function key(need: Need): string {
  const given = need.given.map((c) => c.id).join()
  if (need.kind === "label") return `label ${need.load.id} ${given}`
  const { source, span } = need.place
  return `${need.condition.id} ${given} ${span.start} ${span.end} ${source.name} ${need.failure.code}`
}

/** The value as read where a condition holds: what the condition proves is needed no longer. */
export function under(core: Core, value: Scalar, condition: Expr): Scalar {
  if (value.needs.length === 0) return value
  return {
    ...value,
    needs: settle(
      core,
      value.needs.map((need) => ({ ...need, given: [...need.given, condition] })),
    ),
  }
}

/** Replaces proved conditions by the label reads their proofs rely on, and drops what can never be read. */
export function settle(core: Core, needs: readonly Need[]): readonly Need[] {
  return union(
    needs.map((need): readonly Need[] => {
      if (need.given.some((c) => c.kind === "const" && c.value === 0)) return []
      if (need.kind === "label") return [need]
      const proof = prove(core, need.condition, need.given)
      return proof ? relyOn(need, proof) : [need]
    }),
  )
}

/** What is left of a need that is proved: the domains it relies on are checked in every call, labels where they are read. */
export function relyOn(need: Need, proof: Proof): LabelNeed[] {
  for (const input of proof.domains) (input as { domainUsed?: boolean }).domainUsed = true
  return proof.labels.map(({ load, facts }) => ({ kind: "label", load, given: [...need.given, ...facts] }))
}

/** Replaces axes in a value and in what it needs. */
export function move(core: Core, value: Scalar, map: ReadonlyMap<AxisExpr, Expr>): Scalar {
  return { kind: "scalar", expr: substitute(core, value.expr, map), needs: moveNeeds(core, value.needs, map) }
}

function moveNeeds(core: Core, needs: readonly Need[], map: ReadonlyMap<AxisExpr, Expr>): readonly Need[] {
  if (needs.length === 0) return needs
  const moved = needs.map((need): Need => {
    const given = need.given.map((c) => substitute(core, c, map))
    if (need.kind === "condition") return { ...need, given, condition: substitute(core, need.condition, map) }
    const load = substitute(core, need.load, map)
    return load.kind === "load" ? { ...need, given, load } : need
  })
  return settle(core, moved)
}

/**
 * What is needed outside a reduction: as inside, for every index. The bound axes get names of their own, because outside
 * the reduction their names may be used again.
 */
export function close(core: Core, needs: readonly Need[], bound: readonly AxisExpr[]): readonly Need[] {
  return flatMap(needs, (need) => {
    const roots = [...need.given, need.kind === "label" ? need.load : need.condition]
    const axes = new Set(flatMap(roots, (e) => e.axes))
    const inside = bound.filter((a) => axes.has(a))
    if (inside.length === 0) return [need]
    const names = new Set([...axes].map((a) => a.name))
    const map = new Map<AxisExpr, Expr>()
    for (const axis of inside) {
      let name = `${axis.name}'`
      while (names.has(name)) name += "'"
      names.add(name)
      map.set(axis, core.axis(name, axis.extent))
    }
    return moveNeeds(core, [need], map)
  })
}
