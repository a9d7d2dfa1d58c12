// The state of checking one loss: its core, its axes and inputs, and the way to say what is wrong.
import type * as Ast from "../../grammar/ast.ts"
import { type Diagnostic, type Report, error, limit, quote, warning } from "../diagnostics.ts"
import { postorder } from "../graph.ts"
import type { AxisExpr, Core, Expr } from "../ir.ts"
import type { EntryCheck } from "../loss.ts"
import type { Library, Module } from "../modules.ts"
import type { Span } from "../source.ts"
import type { Input } from "../types.ts"
import type { CheckCode } from "../catalogue/check.ts"
import { isGround } from "./facts.ts"
import type { Callable, Frame, Scope } from "./scope.ts"
import type { Broken, Place, Value } from "./values.ts"
import { broken } from "./values.ts"

/** Reads an expression in a scope. */
export type Evaluate = (node: Ast.Expr, scope: Scope) => Value

/** An input while the text is read: whether it is static, and whether a proof needs its domain, is found on the way. */
export type OpenInput = { -readonly [K in keyof Input]: Input[K] }

const mostSteps = 400_000
const mostCalls = 100
const mostHeight = 2000

/** Everything that is known and collected while one loss is checked. */
export class Checking {
  readonly core: Core
  readonly module: Module
  readonly library: Library
  readonly report: Report
  readonly nodes: number
  /** Reads an expression; what every part of the checker calls for the parts of its node. */
  readonly evaluate: Evaluate
  readonly batch: AxisExpr[] = []
  /** The axes that types of arguments declare beside the batch axes: what functions without brackets work along. */
  readonly own: AxisExpr[] = []
  /** The names of the entries of axes that have some. */
  readonly components = new Map<AxisExpr, readonly string[]>()
  readonly inputs: OpenInput[] = []
  readonly checks: EntryCheck[] = []
  /** Names of the user's text that were read; the others earn a warning. */
  readonly used = new Set<Value>()
  readonly memo = new Map<string, Value>()
  readonly ranges = new Map<Callable["declaration"], ReadonlyMap<string, Ast.Range>>()
  readonly ids = new Map<object, number>()
  /** Functions being inlined, outermost first. */
  readonly active: Callable[] = []
  private readonly heights = new Map<Expr, number>()
  private steps = 0
  /** Whether an error was reported. */
  failed = false

  constructor(
    core: Core,
    module: Module,
    library: Library,
    report: Report,
    nodes: number,
    evaluate: (c: Checking, node: Ast.Expr, scope: Scope) => Value,
  ) {
    this.core = core
    this.module = module
    this.library = library
    this.report = report
    this.nodes = nodes
    this.evaluate = (node, scope) => evaluate(this, node, scope)
  }

  /** Counts one node of the text being read; throws when a loss grows without end. */
  step(): void {
    if (++this.steps > mostSteps || this.core.size > this.nodes)
      throw limit("too-many-nodes", `the loss needs more than ${this.nodes} core nodes`)
  }

  /** Refuses expressions so deep that later stages would run out of stack. */
  watch(e: Expr): Expr {
    const go = (x: Expr): number => {
      const known = this.heights.get(x)
      if (known !== undefined) return known
      let height = 0
      const below = x.kind === "op" ? x.args : x.kind === "load" || x.kind === "ref" ? x.index : []
      for (const child of below) height = Math.max(height, go(child) + 1)
      if (x.kind === "ref") height = Math.max(height, go(x.def.body) + 1, go(x.def.filter) + 1)
      this.heights.set(x, height)
      return height
    }
    if (go(e) > mostHeight)
      throw limit("too-many-nodes", `an expression is more than ${mostHeight} operations deep`)
    return e
  }

  /** A number that stands for an object in keys. */
  id(object: object): number {
    let id = this.ids.get(object)
    if (id === undefined) this.ids.set(object, (id = this.ids.size))
    return id
  }

  /** Where a message about a piece of text points: for the library's text, the call of the user. */
  place(frame: Frame, span: Span): Place {
    return frame.site ?? { source: frame.module.source, span }
  }

  /** Reports an error; what stands there is broken from now on. */
  fail(
    scope: Scope,
    span: Span,
    code: CheckCode,
    message: string,
    more: Pick<Diagnostic, "help" | "label"> = {},
  ): Broken {
    const place = this.place(scope.frame, span)
    return this.failAt(place, code, this.inside(scope.frame, message), more)
  }

  /** Reports an error at a place whose message is complete. */
  failAt(
    { source, span }: Place,
    code: CheckCode,
    message: string,
    more: Pick<Diagnostic, "help" | "label"> = {},
  ): Broken {
    this.failed = true
    this.report.add(error(code, source, span, message, more))
    return broken
  }

  warn(
    scope: Scope,
    span: Span,
    code: CheckCode,
    message: string,
    more: Pick<Diagnostic, "help" | "label"> = {},
  ): void {
    const { source, span: at } = this.place(scope.frame, span)
    this.report.add(warning(code, source, at, this.inside(scope.frame, message), more))
  }

  /** A message about the library's text says which function it is about. */
  inside(frame: Frame, message: string): string {
    return frame.site && frame.callable ? `in \`${frame.callable.name}\`: ${message}` : message
  }

  /** What the user wrote for a name in the library's text that stands for an argument of the call. */
  origin(scope: Scope, node: Ast.Expr): { readonly scope: Scope; readonly node: Ast.Expr } {
    let at = { scope, node }
    while (at.scope.frame.site && at.node.kind === "name") {
      const given = at.scope.frame.given?.get(at.node.name)
      if (!given) break
      at = given
    }
    return at
  }

  /** The text of a node between backticks. */
  quote(scope: Scope, node: { readonly span: Span }): string {
    return quote(this.text(scope, node))
  }

  text(scope: Scope, node: { readonly span: Span }): string {
    return scope.frame.module.source.text.slice(node.span.start, node.span.end)
  }

  enter(callable: Callable): boolean {
    if (this.active.includes(callable)) return false
    if (this.active.length >= mostCalls)
      throw limit("too-deep", `calls are nested more than ${mostCalls} deep`)
    this.active.push(callable)
    return true
  }

  /** Options that a size reads become static. Sizes never depend on data: false if this one does. */
  fix(root: Expr): boolean {
    if (!isGround(root)) return false
    for (const e of postorder([root])) {
      const input = e.kind === "load" && this.inputs.find((one) => one === e.input)
      if (input) input.isStatic = true
    }
    return true
  }
}

/** The name of an axis as people wrote it: axes of inlined functions carry a mark. */
export function axisName(axis: { readonly name: string }): string {
  return axis.name.replace(/[~'].*$/, "")
}

/** The names of axes for a message: `b`, `d`. */
export function axisNames(axes: readonly { readonly name: string }[]): string {
  return axes.map((a) => `\`${axisName(a)}\``).join(", ")
}
