// Names and what they stand for: scopes of values and functions, and the frames that own index names.
import type * as Ast from "../../grammar/ast.ts"
import type { AxisExpr, Expr } from "../ir.ts"
import type { Module } from "../modules.ts"
import type { Place, Value } from "./values.ts"

/** An axis of the core, and the number that its first index stands for. */
export interface Axis {
  readonly axis: AxisExpr
  readonly low: Expr
}

/** What the name of an axis stands for: one axis, or several where a function works along several. */
export interface AxisGroup {
  readonly name: string
  readonly items: readonly Axis[]
  readonly place: Place
  /** Set if the axes are not known because of an error that was reported. */
  readonly broken?: boolean
  readonly what: "batch axis" | "axis" | "index"
}

/** `a batch axis`, `an axis`, `an index` */
export const called = (what: AxisGroup["what"]): string => `${what === "batch axis" ? "a" : "an"} ${what}`

/** What an axis of a list is called; components without a name go by their list. */
export const nameOf = (axis: Ast.Axis): string =>
  axis.kind === "rest"
    ? "..."
    : axis.kind === "name"
      ? axis.name
      : (axis.name?.name ?? `(${axis.members.map(({ name }) => name).join(", ")})`)

/** Something that can be called. */
export interface Callable {
  readonly kind: "def" | "loss" | "local"
  readonly name: string
  readonly declaration: Ast.Def | Ast.Loss | Ast.FunctionBinding
  readonly module: Module
  /** Where a local function was made; its body sees the names there. */
  readonly scope?: Scope
}

/** The body of a loss, or of one call of a function: index names belong to it alone. */
export interface Frame {
  readonly module: Module
  /** How many calls surround it; part of the names of its axes, so that no two frames in use share one. */
  readonly depth: number
  /** Where messages point if the text is the library's: the call in the user's own text. */
  readonly site: Place | undefined
  /** The function whose body it is; undefined for a loss. */
  readonly callable: Callable | undefined
  /** What each parameter was given in the call, as text of the caller. */
  readonly given?: ReadonlyMap<string, { readonly scope: Scope; readonly node: Ast.Expr }>
  readonly indices: Map<string, AxisGroup>
  /** Ranges of binders anywhere in the frame, for uses of an index before the binder that declares it. */
  readonly ranges: ReadonlyMap<string, Ast.Range>
}

export interface NamedValue {
  readonly kind: "value"
  readonly value: Value
  readonly place: Place
  readonly what: "argument" | "option" | "name"
}

export interface NamedAxis {
  readonly kind: "axis"
  readonly group: AxisGroup
}

/** One level of names. */
export interface Scope {
  readonly parent: Scope | undefined
  readonly frame: Frame
  readonly names: Map<string, NamedValue | NamedAxis>
  readonly functions: Map<string, Callable[]>
}

export function nest(parent: Scope | undefined, frame: Frame): Scope {
  return { parent, frame, names: new Map(), functions: new Map() }
}

/** What a name stands for, without the indices that are still to be declared. */
export function find(scope: Scope, name: string): NamedValue | NamedAxis | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const known = at.names.get(name)
    if (known) return known
    if (at.parent?.frame === at.frame) continue
    const group = at.frame.indices.get(name)
    if (group) return { kind: "axis", group }
  }
  return undefined
}

/** The innermost scope whose frame has a binder with a range for the name. */
export function findRange(scope: Scope, name: string): { scope: Scope; range: Ast.Range } | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const range = at.frame.ranges.get(name)
    if (range) return { scope: at, range }
  }
  return undefined
}

/** The functions of this name that are declared around a place, innermost first. */
export function findFunctions(scope: Scope, name: string): Callable[] {
  const out: Callable[] = []
  for (let at: Scope | undefined = scope; at; at = at.parent) out.push(...(at.functions.get(name) ?? []))
  return out
}

/** Every name in scope of one kind, for suggestions. */
export function names(scope: Scope, kind: "value" | "axis" | "function"): string[] {
  const out = new Set<string>()
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    if (kind === "function") for (const name of at.functions.keys()) out.add(name)
    else for (const [name, entry] of at.names) if (entry.kind === kind) out.add(name)
    if (kind === "axis") for (const name of at.frame.indices.keys()) out.add(name)
    if (kind === "axis") for (const name of at.frame.ranges.keys()) out.add(name)
  }
  return [...out]
}
