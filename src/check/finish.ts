// The body of a loss -> the loss: its rows, what a call must satisfy, and which labels are read.
import type * as Ast from "../../grammar/ast.ts"
import { bounds } from "../bounds.ts"
import { warning } from "../diagnostics.ts"
import { postorder } from "../graph.ts"
import { type AxisExpr, type Core, type Expr, type LoadExpr, conjunction, conjuncts } from "../ir.ts"
import { flatMap } from "../lists.ts"
import type { LabelRead, Loss } from "../loss.ts"
import { count, substitute, unguard } from "../sums.ts"
import { type Dimension, dimensionText } from "../types.ts"
import { type Checking, axisName, axisNames } from "./checking.ts"
import { asNumber, condition } from "./operands.ts"
import { assumptions, isGround } from "./facts.ts"
import { type Remainder, remaining } from "./ranges.ts"
import type { Scope } from "./scope.ts"
import {
  type ConditionNeed,
  type LabelNeed,
  type Need,
  type Scalar,
  plain,
  relyOn,
  scalar,
  under,
} from "./values.ts"
import { readsSize } from "./words.ts"

/** Reads the value and the tails of a loss and closes it; undefined if something is wrong. */
export function finish(
  c: Checking,
  loss: Ast.Loss,
  declaration: Ast.Loss | Ast.Bare,
  header: Scope,
  scope: Scope,
): Loss | undefined {
  const { core } = c
  const { body } = loss
  const read = asNumber(c, c.evaluate(body.value, scope), body.value, scope)
  const where = body.where ? condition(c, body.where, scope) : plain(core.true)
  const per = body.per ? asNumber(c, c.evaluate(body.per, scope), body.per, scope) : plain(core.one)
  const closed = [
    read && isClosed(c, read, body.value, scope),
    where && (!body.where || isClosed(c, where, body.where, scope)),
    per && (!body.per || isClosed(c, per, body.per, scope)),
  ]
  if (!read || !where || !per || closed.includes(false) || !coversBatch(c, loss, read, scope))
    return undefined

  const value = under(core, read, where.expr)
  const weight = under(core, per, where.expr)
  const { needs } = scalar(value.expr, [where, value, weight])
  const labelReads = labelsRead(core, settleNeeds(c, needs))
  if (declaration.kind === "loss") unused(c, loss, header)
  return {
    name: loss.name.name,
    doc: declaration.docs.map((one) => one.text).join("\n"),
    source: c.module.source,
    span: declaration.span,
    core,
    batch: c.batch,
    inputs: c.inputs,
    value: value.expr,
    where: where.expr,
    per: weight.expr,
    checks: c.checks,
    labelReads,
  }
}

/** Whether only batch axes are left in what a loss says about a row. */
function isClosed(c: Checking, value: Scalar, node: Ast.Expr, scope: Scope): boolean {
  const left = value.expr.axes.filter((a) => !c.batch.includes(a))
  if (left.length === 0) return true
  const [first] = left
  const plural = left.length > 1
  c.fail(
    scope,
    node.span,
    "axis-left",
    `${plural ? "axes" : "axis"} ${axisNames(left)} ${plural ? "are" : "is"} left over`,
    {
      help: c.own.includes(first!)
        ? `reduce it, for example \`mean[${axisName(first!)}](…)\`, or make it a batch axis`
        : `reduce it: \`sum[${axisName(first!)}](…)\`, or replace it: \`[${axisName(first!)} = …]\``,
    },
  )
  return false
}

/** A body without one of its batch axes is one number for several rows: say so in the header. */
function coversBatch(c: Checking, loss: Ast.Loss, value: Scalar, scope: Scope): boolean {
  const missing = c.batch.filter((a) => !value.expr.axes.includes(a))
  if (missing.length === 0) return true
  const kept = c.batch.filter((a) => !missing.includes(a))
  const list = (axes: readonly Dimension[]): string =>
    axes.length > 0 ? `[${axes.map(dimensionText).join(", ")}]` : ""
  const parameters = c.inputs
    .filter((input) => input.role !== "option")
    .map((input) => `${input.name}: ${list(input.dimensions)}`)
  const header = `loss ${loss.name.name}${list(kept)}(${parameters.join(", ")}${loss.options.length > 0 ? "; …" : ""})`
  c.fail(
    scope,
    loss.body.value.span,
    "batch-missing",
    `the value has no batch ${missing.length > 1 ? "axes" : "axis"} ${axisNames(missing)}: it is one number for all of those rows`,
    {
      help: `say so in the header: \`${header}\``,
    },
  )
  return false
}

/** What a call must satisfy for a need to hold, undefined if it can be wrong in any call. A lint asks nothing of calls. */
function demand(c: Checking, need: ConditionNeed): Remainder | undefined {
  if (!need.lint) return remaining(c.core, need.condition, need.given)
  const positive = need.condition.kind !== "op" || bounds(need.condition.args[1]!)[0] > 0
  return positive ? { forms: [], labels: [], domains: [] } : undefined
}

/** Conditions that nothing in the text proves are checked when the loss is called, or are wrong. Returns the labels read. */
function settleNeeds(c: Checking, needs: readonly Need[]): LabelNeed[] {
  const wrong: ConditionNeed[] = []
  const reads = flatMap(needs, (need) => {
    if (need.kind === "label") return [need]
    const left = demand(c, need)
    if (!left) {
      wrong.push(need)
      return []
    }
    enter(c, need, left)
    return relyOn(need, left)
  })
  for (const need of wrong) {
    const { failure, place } = need
    const twin = wrong.some(
      (other) =>
        other !== need && other.place.span.start === place.span.start && other.failure.both === failure.both,
    )
    const message = twin ? (failure.both ?? failure.message) : failure.message
    if (need.lint)
      c.report.add(warning(failure.code, place.source, place.span, message, { help: failure.help }))
    else c.failAt(place, failure.code, message, { help: failure.help })
  }
  return reads
}

function enter(c: Checking, need: ConditionNeed, left: Remainder): void {
  const { core } = c
  const given = flatMap(need.given, (one) => assumptions(core, one)).filter(isGround)
  const irrelevant = core.op("not", conjunction(core, given))
  for (const form of left.forms) {
    const condition = core.op("or", irrelevant, inequality(core, form))
    if (!c.checks.some((known) => known.condition === condition))
      c.checks.push({ condition, message: `${need.entry} ${readsSize(form)}`, span: need.place.span })
  }
}

function inequality(
  core: Core,
  form: { readonly terms: ReadonlyMap<Expr, number>; readonly constant: number },
): Expr {
  let less: Expr = core.const(Math.max(0, -form.constant))
  let more: Expr = core.const(Math.max(0, form.constant))
  for (const [atom, k] of form.terms) {
    const term = core.op("mul", core.const(Math.abs(k)), atom)
    if (k > 0) more = core.op("add", more, term)
    else less = core.op("add", less, term)
  }
  return core.op("le", less, more)
}

/** Which elements of optional labels gathers read: a condition over the axes of the label. */
function labelsRead(core: Core, needs: readonly LabelNeed[]): LabelRead[] {
  const all = needs.map((need): LabelRead => {
    const { input } = need.load
    const axes = input.dimensions.map((d) => core.axis(d.name, d.extent))
    const given = conjunction(core, flatMap([...need.given].reverse(), conjuncts))
    return { input, condition: readWhere(core, need.load, given, axes), extent: input.label!.extent }
  })
  // A read under more conditions than another one adds nothing.
  const covers = (weak: LabelRead, strong: LabelRead): boolean => {
    const known = conjuncts(strong.condition)
    return weak.input === strong.input && conjuncts(weak.condition).every((one) => known.includes(one))
  }
  return all.filter(
    (one, i) => !all.some((other, k) => k !== i && covers(other, one) && (!covers(one, other) || k < i)),
  )
}

/** When an element is read: the condition of the gather, for some value of the axes that the label does not have. */
function readWhere(core: Core, load: LoadExpr, given: Expr, axes: readonly AxisExpr[]): Expr {
  const plainAxes = load.index.every((e, i) => e.kind === "axis" && load.index.indexOf(e) === i)
  let condition = given
  if (plainAxes) {
    // The axes of the label are renamed to its own; others of these names step aside.
    const map = new Map<AxisExpr, Expr>()
    for (const a of given.axes)
      if (!load.index.includes(a) && axes.includes(a)) map.set(a, core.freshAxis(a.extent))
    load.index.forEach((a, i) => map.set(a as AxisExpr, axes[i]!))
    condition = substitute(core, given, map)
  } else {
    const map = new Map<AxisExpr, Expr>()
    for (const a of new Set([...given.axes, ...load.axes])) map.set(a, core.freshAxis(a.extent))
    const places = load.index.map((e, i) => core.op("eq", substitute(core, e, map), axes[i]!))
    condition = conjunction(core, [substitute(core, given, map), ...places])
  }
  // A condition on positions alone only narrows which row reads the label; some row does, unless data has a say in it.
  const own = (e: Expr): boolean => e.axes.every((a) => axes.includes(a))
  const all = conjuncts(condition)
  const decided = new Set(flatMap(all.filter(readsInputs), (e) => e.axes.filter((a) => !axes.includes(a))))
  const kept = all.filter((e) => own(e) || readsInputs(e) || e.axes.some((a) => decided.has(a)))
  const whole = conjunction(core, kept)
  const others = whole.axes.filter((a) => !axes.includes(a))
  if (others.length === 0) return whole
  // Conditions on the place alone have left the count; they decide most places without it.
  const found = count(core, others, whole)
  const { conditions, value } = unguard(found)
  return conjunction(core, [...conditions, core.op("lt", core.zero, value)])
}

/** Whether an expression depends on more than positions and sizes. */
function readsInputs(e: Expr): boolean {
  return postorder([e]).some((x) => x.kind === "load" || x.kind === "ref")
}

/** Arguments that the body never reads. */
function unused(c: Checking, loss: Ast.Loss, header: Scope): void {
  for (const [list, what] of [
    [loss.arguments, "argument"],
    [loss.options, "option"],
  ] as const)
    for (const { name } of list) {
      const known = header.names.get(name.name)
      if (known?.kind !== "value" || c.used.has(known.value) || name.name.startsWith("_")) continue
      c.warn(header, name.span, "unused-argument", `the ${what} \`${name.name}\` is not used`, {
        help: "leave it out, or begin its name with `_`",
      })
    }
}
