// Trees -> losses of the core: names, types, axes and ranges are checked, functions and losses inlined.
import type * as Ast from "../grammar/ast.ts"
import type { CheckCode } from "./catalogue/check.ts"
import { bindAll, evaluate } from "./check/expressions.ts"
import { Checking } from "./check/checking.ts"
import { finish } from "./check/finish.ts"
import { readHeader } from "./check/header.ts"
import { inferHeader } from "./check/infer.ts"
import { isReserved } from "./check/calls.ts"
import { type AxisGroup, type Callable, type Frame, nameOf, nest } from "./check/scope.ts"
import { rangesIn } from "./check/tree.ts"
import { broken } from "./check/values.ts"
import { type Diagnostic, LossError, Report, error } from "./diagnostics.ts"
import { flatMap } from "./lists.ts"
import type { Loss } from "./loss.ts"
import { type Library, type Load, type Module, type Parse, readModule } from "./modules.ts"
import { createCore } from "./simplify.ts"
import type { Source, Span } from "./source.ts"

/** Bounds of one compilation. */
export interface CheckLimits {
  /** Core nodes of one loss, before gradients. */
  readonly nodes: number
  readonly diagnostics: number
}

/** What a text is checked against. */
export interface CheckContext {
  /** What is in scope without being declared. */
  readonly library: Library
  /** Reads the texts that `use` names. */
  readonly parse?: Parse
  /** Finds the texts that `use` names; without it `use` is an error. */
  readonly load?: Load
  /** For a bare expression: the names that are options, and their defaults. */
  readonly params?: Readonly<Record<string, number | boolean>>
  readonly limits?: Partial<CheckLimits>
}

/** Every loss without errors, and everything there is to say about the text. */
export interface Checked {
  readonly losses: readonly Loss[]
  readonly diagnostics: readonly Diagnostic[]
}

const forwardNodes = 100_000
const allNodes = 400_000

/** Checks a text and makes its losses. */
export function check(file: Ast.File, source: Source, context: CheckContext): Checked {
  const report = new Report(context.limits?.diagnostics)
  const module = readModule(file, source, report, context.load, context.parse)
  const losses: Loss[] = []
  const read = (from: Module, declaration: Ast.Def | Ast.Loss | Ast.Bare): Loss | undefined => {
    const nodes = context.limits?.nodes ?? forwardNodes
    const core = createCore({ nodes: Math.max(allNodes, nodes) })
    const c = new Checking(core, from, context.library, report, nodes, evaluate)
    let made: Loss | undefined
    guarded(report, from.source, declaration.span, () => {
      if (declaration.kind === "def") return checkDef(c, declaration)
      const loss =
        declaration.kind === "loss" ? declaration : inferHeader(c, declaration, context.params ?? {})
      made = loss && checkLoss(c, loss, declaration)
    })
    return c.failed ? undefined : made
  }
  for (const declaration of file.declarations) {
    if (report.full) break
    const made = declaration.kind === "use" ? undefined : read(module, declaration)
    if (made) losses.push(made)
  }
  for (const used of reachable(module))
    for (const { declaration } of [...used.declared.values()].flat())
      if (declaration.kind !== "function-binding" && !report.full) read(used, declaration)
  return { losses, diagnostics: report.diagnostics }
}

/** The modules that a module uses, and those that they use. */
function reachable(module: Module, found = new Set<Module>()): ReadonlySet<Module> {
  for (const used of module.uses) {
    if (found.has(used)) continue
    found.add(used)
    reachable(used, found)
  }
  return found
}

/** Turns a limit that is reached, and a stack that overflows, into a diagnostic. */
function guarded(report: Report, source: Source, span: Span, run: () => void): void {
  try {
    run()
  } catch (reason) {
    if (reason instanceof LossError)
      for (const one of reason.diagnostics)
        report.add({ ...one, source: one.source ?? source, span: one.span ?? span })
    else if (reason instanceof RangeError && /stack/i.test(reason.message))
      report.add(
        error(
          "too-deep" satisfies CheckCode,
          source,
          span,
          "an expression is nested too deep after its functions are inlined",
        ),
      )
    else throw reason
  }
}

function checkLoss(c: Checking, loss: Ast.Loss, declaration: Ast.Loss | Ast.Bare): Loss | undefined {
  const { body } = loss
  const frame: Frame = {
    module: c.module,
    depth: 0,
    site: undefined,
    callable: undefined,
    indices: new Map(),
    ranges: rangesIn(body.bindings, [body.value, body.where, body.per]),
  }
  const callable = c.module.declared.get(loss.name.name)?.find((one) => one.declaration === loss)
  if (callable) c.active.push(callable)
  const header = readHeader(c, loss, frame)
  checkName(c, loss.name, nest(undefined, frame))
  return finish(c, loss, declaration, header, bindAll(c, body.bindings, header))
}

/** Reads a function by itself: its arguments are unknown, but every name in it must mean something. */
function checkDef(c: Checking, def: Ast.Def): void {
  const callable: Callable = { kind: "def", name: def.name.name, declaration: def, module: c.module }
  const frame: Frame = {
    module: c.module,
    depth: 0,
    site: undefined,
    callable,
    indices: new Map(),
    ranges: rangesIn([], [def.body]),
  }
  const scope = nest(undefined, frame)
  const place = { source: c.module.source, span: def.span }
  checkName(c, def.name, scope)
  c.active.push(...(c.module.declared.get(def.name.name)?.filter((one) => one.declaration === def) ?? []))
  const names = [...def.axes, ...flatMap(def.arguments, (one) => one.type?.axes ?? [])]
  for (const axis of names) {
    const name = nameOf(axis)
    const group: AxisGroup = { name, items: [], place, broken: true, what: "axis" }
    scope.names.set(name, { kind: "axis", group })
  }
  for (const argument of def.arguments) {
    const { name, span } = argument.name
    if (scope.names.has(name))
      c.fail(scope, span, "name-taken", `\`${name}\` is an axis or an argument already`, {
        help: "axes and arguments share their names: use another",
      })
    if (argument.default) c.evaluate(argument.default, scope)
    scope.names.set(name, { kind: "value", value: { ...broken }, place, what: "argument" })
  }
  c.evaluate(def.body, scope)
}

function checkName(c: Checking, name: Ast.Name, scope: ReturnType<typeof nest>): void {
  if (isReserved(name.name))
    c.fail(scope, name.span, "reserved-function", `\`${name.name}\` is a function of the language`, {
      help: "use another name",
    })
}
