// `fold[t if t < n](a: [s] = 0) => …` and `scan` -> recurrences of the core.
import type * as Ast from "../../grammar/ast.ts"
import { type AxisExpr, type Expr, isConst } from "../ir.ts"
import { flatMap } from "../lists.ts"
import { OpenRecurrence, type Start } from "../recurrence.ts"
import { substitute } from "../sums.ts"
import { transformer } from "../transform.ts"
import { bind, resolveAxis } from "./axes.ts"
import type { Checking } from "./checking.ts"
import { article } from "./domains.ts"
import { nameValue } from "./naming.ts"
import { asSingle, condition, single } from "./operands.ts"
import { type Scope, nest } from "./scope.ts"
import { type Scalar, type Value, broken, close, plain, scalar, under } from "./values.ts"

interface State {
  readonly node: Ast.State
  readonly axes: readonly AxisExpr[]
  readonly initial: Scalar
}

/** Reads a fold (the states after the last step) or a scan (the states after every step). */
export function fold(c: Checking, node: Ast.Fold, scope: Scope): Value {
  const { core } = c
  const along = bind(c, node.binders, scope)
  const filter = node.filter && condition(c, node.filter, scope)
  const states = node.states.map((state) => readState(c, state, scope))
  if (along && along.length !== 1) {
    const help = `put one inside the other: \`${node.form}[i](…) => ${node.form}[j](…) => …\``
    return c.fail(
      scope,
      node.span,
      "one-axis",
      `a ${node.form} runs along one axis, and here are ${along.length}`,
      {
        help,
      },
    )
  }
  if (!along || states.includes(undefined)) {
    const inner = nest(scope, scope.frame)
    for (const { name } of node.states) nameValue(c, name, broken, inner)
    c.evaluate(node.step, inner)
    return broken
  }
  const known = states as readonly State[]
  const over = along[0]!.axis
  const own = known.find(({ axes, initial }) => axes.includes(over) || initial.expr.axes.includes(over))
  if (own) {
    const { name, initial } = own.node
    const message = `state \`${name.name}\` has the axis \`${nameOf(node)}\`, along which the ${node.form} runs`
    const help = `say at which index it starts: \`${initial.kind === "name" ? initial.name : `(${c.text(scope, initial)})`}[${nameOf(node)} = 0]\``
    return c.fail(scope, own.node.span, "fold-state", message, { help })
  }
  const starts = known.map(({ axes, initial }): Start => ({ axes, initial: initial.expr }))
  const made = recur(c, node, over, known, starts, filter, scope)
  if (!made || (node.filter && !filter)) return broken
  const bound = [over, ...flatMap(known, (state) => state.axes)]
  const needs = [
    ...close(core, scalar(core.zero, [...made.inside, ...(filter ? [filter] : [])]).needs, bound),
    ...flatMap(known, ({ initial, axes }) => close(core, initial.needs, axes)),
  ]
  const values = made.steps.map((step, i): Scalar => {
    const value = node.grad === "envelope" ? lastOnly(c, step) : step
    const expr = node.form === "scan" ? value : final(c, over, value, known[i]!.initial.expr)
    return { kind: "scalar", expr: c.watch(expr), needs }
  })
  return values.length === 1 ? values[0]! : { kind: "tuple", items: values }
}

/** Reads the step, as often as it takes until the states have every axis that it brings in. */
function recur(
  c: Checking,
  node: Ast.Fold,
  over: AxisExpr,
  known: readonly State[],
  starts: readonly Start[],
  filter: Scalar | undefined,
  scope: Scope,
): { readonly steps: readonly Expr[]; readonly inside: readonly Scalar[] } | undefined {
  const { core } = c
  const open = new OpenRecurrence(core, over, starts)
  const inner = nest(scope, scope.frame)
  open.states.forEach((state, i) => nameValue(c, known[i]!.node.name, plain(state), inner))
  const read = readSteps(c, node, known, inner)
  if (!read) return undefined
  if (!read.every((step) => open.inOrder(step.expr))) {
    const help = `a state is what the step before gave: read it without replacing \`${nameOf(node)}\``
    c.fail(scope, node.step.span, "fold-order", "the step reads a state at another index than its own", {
      help,
    })
    return undefined
  }
  // A step that is left out leaves the state as it is.
  const values = read.map(({ expr }, i) =>
    filter ? core.op("select", filter.expr, expr, open.states[i]!) : expr,
  )
  const grown = open.grown(values)
  if (grown) return recur(c, node, over, known, grown, filter, scope)
  const inside = filter ? read.map((step) => under(core, step, filter.expr)) : read
  return { steps: open.close(values), inside }
}

function nameOf(node: Ast.Fold): string {
  const index = node.binders[0]?.index
  return index?.kind === "name" ? index.name : "..."
}

/** The axes and the initial value of a state. */
function readState(c: Checking, node: Ast.State, scope: Scope): State | undefined {
  const initial = single(c, node.initial, scope)
  const axes: AxisExpr[] = []
  let whole = initial !== undefined
  for (const axis of node.type?.axes ?? []) {
    const group = axis.kind === "components" ? undefined : resolveAxis(c, axis, scope)
    if (group) axes.push(...group.items.map((item) => item.axis))
    else whole = false
  }
  const type = node.type?.scalar
  if (initial && type && (type.kind !== "plain" || !fits(initial.expr, type.type))) {
    const wanted = type.kind === "plain" ? article(type.type) : "real, int or bool"
    c.fail(
      scope,
      node.span,
      "fold-state",
      `state \`${node.name.name}\` is declared ${wanted} and starts as ${article(initial.expr.type)}`,
      { help: "leave the type out: a state is what its initial value and its step are" },
    )
    return undefined
  }
  return whole ? { node, axes, initial: initial! } : undefined
}

const fits = (e: Expr, type: Expr["type"]): boolean =>
  e.type === type || (type === "real" && e.type === "int")

/** The values of the states after a step; undefined if they are not what the states are. */
function readSteps(
  c: Checking,
  node: Ast.Fold,
  states: readonly State[],
  scope: Scope,
): Scalar[] | undefined {
  const value = c.evaluate(node.step, scope)
  if (value.kind === "broken") return undefined
  const items = value.kind === "tuple" ? value.items : [value]
  if (items.length !== states.length) {
    const count = (n: number): string => (n === 1 ? "1 value" : `${n} values`)
    c.fail(
      scope,
      node.step.span,
      "fold-state",
      `the step gives ${count(items.length)}, and there ${states.length === 1 ? "is 1 state" : `are ${states.length} states`}`,
      { help: "give each state its next value: `fold[t](f = 0, g = 1) => (g, f + g)`" },
    )
    return undefined
  }
  const steps = items.map((item) => asSingle(c, item, node.step, scope))
  const wrong = steps.findIndex((step, i) => step && isBool(step) !== isBool(states[i]!.initial))
  if (wrong >= 0) {
    const { node: state, initial } = states[wrong]!
    c.fail(
      scope,
      node.step.span,
      "fold-state",
      `state \`${state.name.name}\` starts as ${article(initial.expr.type)}, and its step is ${article(steps[wrong]!.expr.type)}`,
      { help: "a state keeps its kind from step to step" },
    )
    return undefined
  }
  return steps.includes(undefined) ? undefined : (steps as Scalar[])
}

const isBool = (value: Scalar): boolean => value.expr.type === "bool"

/** What a step gave at the last index, or the initial value if there is no index. */
function final(c: Checking, over: AxisExpr, step: Expr, initial: Expr): Expr {
  const { core } = c
  const last = substitute(core, step, new Map([[over, core.op("sub", over.extent, core.one)]]))
  const some = core.op("lt", core.zero, over.extent)
  return isConst(some, 1) ? last : core.op("select", some, last, initial)
}

/** A step whose derivative takes the states before it for constants: at a fixed point nothing of them is lost. */
function lastOnly(c: Checking, step: Expr): Expr {
  if (step.kind !== "ref") return step
  const { def, index } = step
  const { states } = def.recurrence!
  const constant = transformer(c.core, {
    before: (e, rebuild) =>
      e.kind === "ref" && states.includes(e.def)
        ? c.core.op("stop", c.core.ref(e.def, e.index.map(rebuild)))
        : undefined,
  })
  return substitute(c.core, constant(def.body), new Map(def.formals.map((f, i) => [f, index[i]!])))
}
