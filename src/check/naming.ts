// Names for values: `let`s and the states of folds.
import type * as Ast from "../../grammar/ast.ts"
import type { Checking } from "./checking.ts"
import { type Scope, called, find, findRange } from "./scope.ts"
import type { Value } from "./values.ts"

/** Gives a value a name; reports one that an axis has. */
export function nameValue(c: Checking, node: Ast.Name, value: Value, scope: Scope): void {
  const { name, span } = node
  const known = find(scope, name)
  const later = known ? undefined : findRange(scope, name)
  if (known?.kind === "axis" || later) {
    const what = known?.kind === "axis" ? known.group.what : "index"
    c.fail(scope, span, "name-taken", `\`${name}\` is ${called(what)} already`, {
      help: "axes and values share their names: use another",
    })
    return
  }
  scope.names.set(name, { kind: "value", value, place: c.place(scope.frame, span), what: "name" })
}
