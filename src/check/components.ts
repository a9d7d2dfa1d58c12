// Named components: `side: (x1, y1, x2, y2)` is an axis of four entries, and `box.x1` is its first one.
import type * as Ast from "../../grammar/ast.ts"
import { nearest } from "../diagnostics.ts"
import type { AxisExpr } from "../ir.ts"
import { flatMap } from "../lists.ts"
import type { Span } from "../source.ts"
import { type Checking, axisName } from "./checking.ts"
import { single } from "./operands.ts"
import { type Scope, nameOf } from "./scope.ts"
import { type Value, broken, move } from "./values.ts"

/** Finds the components that types declare, by the name of their axis, and reports lists that cannot be. */
export function readComponents(
  c: Checking,
  lists: readonly (readonly Ast.Axis[])[],
  scope: Scope,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  for (const node of lists.flat()) {
    if (node.kind !== "components") continue
    const axis = nameOf(node)
    const names = distinct(c, node.members, scope)
    const known = found.get(axis)
    if (!known) found.set(axis, names)
    else if (known.join() !== names.join())
      c.fail(
        scope,
        node.span,
        "components-differ",
        `axis \`${axis}\` has the components ${listed(names)} here and ${listed(known)} in another type`,
        { help: "one axis has one list of names: use another name for the axis" },
      )
  }
  return found
}

function distinct(c: Checking, members: readonly Ast.Name[], scope: Scope): string[] {
  const names: string[] = []
  for (const { name, span } of members) {
    if (names.includes(name))
      c.fail(scope, span, "component-twice", `\`${name}\` stands twice among the components`)
    else names.push(name)
  }
  return names
}

/** Whether an axis of a call has the components that the function declares for it, if it declares some; reports it if not. */
export function fits(
  c: Checking,
  wanted: Ast.Axis,
  axis: AxisExpr,
  function_: string,
  span: Span,
  scope: Scope,
): boolean {
  if (wanted.kind !== "components") return true
  const names = wanted.members.map(({ name }) => name)
  const own = c.components.get(axis)
  if (own?.join() === names.join()) return true
  const name = axisName(axis)
  c.fail(
    scope,
    span,
    "components-differ",
    `axis \`${nameOf(wanted)}\` of \`${function_}\` has the components ${listed(names)}, and axis \`${name}\` has ${own ? listed(own) : "none"}`,
    { help: `declare them in a type: \`[${name}: (${names.join(", ")})]\`` },
  )
  return false
}

/** Reads `box.x1`. */
export function member(c: Checking, node: Ast.Member, scope: Scope): Value {
  const target = single(c, node.target, scope)
  if (!target) return broken
  const { name, span } = node.name
  const named = target.expr.axes.filter((axis) => c.components.has(axis))
  const [axis, ...others] = named.filter((one) => c.components.get(one)!.includes(name))
  if (axis && others.length === 0) {
    const at = c.components.get(axis)!.indexOf(name)
    return move(c.core, target, new Map([[axis, c.core.const(at)]]))
  }
  const written = c.origin(scope, node.target)
  const text = c.quote(written.scope, written.node)
  if (axis)
    return c.fail(
      scope,
      span,
      "component-ambiguous",
      `${text} has a component \`${name}\` on each of the axes ${listed([axis, ...others].map(axisName))}`,
      {
        help: `say on which: \`[${axisName(axis)} = ${c.components.get(axis)!.indexOf(name)}]\``,
      },
    )
  const names = flatMap(named, (one) => c.components.get(one)!)
  const near = nearest(name, names)
  return c.fail(
    scope,
    span,
    "unknown-component",
    names.length > 0 ? `${text} has no component \`${name}\`` : `${text} has no named components`,
    {
      help: near
        ? `did you mean \`${near}\`?`
        : names.length > 0
          ? `its components are ${listed(names)}`
          : `declare them in the type of an argument: \`[side: (${name}, …)]\``,
    },
  )
}

const listed = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ")
