// Walks over expressions of a text.
import type * as Ast from "../../grammar/ast.ts"
import { flatMap } from "../lists.ts"

/** Every expression below a root, the root included. */
export function each(root: Ast.Expr, see: (e: Ast.Expr) => void): void {
  see(root)
  for (const child of childrenOf(root)) each(child, see)
}

/** The parts of an expression; bodies of local functions among them, or not. */
function childrenOf(e: Ast.Expr, functions = true): readonly Ast.Expr[] {
  switch (e.kind) {
    case "call":
      return [...(e.filter ? [e.filter] : []), ...e.arguments, ...e.named.map((one) => one.value)]
    case "binary":
      return [e.left, e.right]
    case "unary":
      return [e.operand]
    case "if":
      return [e.condition, e.whenTrue, e.whenFalse]
    case "let":
      return [
        ...flatMap(e.bindings, (one) =>
          one.kind === "axis-binding"
            ? []
            : one.kind !== "function-binding"
              ? [one.value]
              : functions
                ? [one.body]
                : [],
        ),
        e.body,
      ]
    case "substitute":
      return [e.target, ...e.entries.map((one) => one.value), ...(e.default ? [e.default] : [])]
    case "member":
      return [e.target]
    case "tuple":
      return e.items
    case "fold":
      return [...(e.filter ? [e.filter] : []), ...e.states.map((one) => one.initial), e.step]
    default:
      return []
  }
}

/** The binders and the bindings of each expression below the roots, local functions left out. */
export function eachBinding(
  bindings: readonly Ast.Binding[],
  roots: readonly (Ast.Expr | undefined)[],
  see: { readonly binder: (binder: Ast.Binder) => void; readonly binding: (binding: Ast.Binding) => void },
): void {
  const visit = (e: Ast.Expr): void => {
    if (e.kind === "call" || e.kind === "fold") e.binders.forEach(see.binder)
    if (e.kind === "let") e.bindings.forEach(bind)
    childrenOf(e, false).forEach(visit)
  }
  const bind = (binding: Ast.Binding): void => {
    see.binding(binding)
    if (binding.kind === "value-binding") binding.binders.forEach(see.binder)
  }
  for (const binding of bindings) {
    bind(binding)
    if (binding.kind === "value-binding" || binding.kind === "tuple-binding") visit(binding.value)
  }
  for (const root of roots) if (root) visit(root)
}

/** The ranges of all binders in a body, those of local functions left out: their index names are their own. */
export function rangesIn(
  bindings: readonly Ast.Binding[],
  roots: readonly (Ast.Expr | undefined)[],
): Map<string, Ast.Range> {
  const out = new Map<string, Ast.Range>()
  const declare = (name: string, range: Ast.Range): void => {
    if (name !== "_" && !out.has(name)) out.set(name, range)
  }
  eachBinding(bindings, roots, {
    binder: ({ index, range }) => range && index.kind === "name" && declare(index.name, range),
    binding: (one) => one.kind === "axis-binding" && declare(one.name.name, one.range),
  })
  return out
}

/** Names that a text uses as axes (in brackets, substitutions, ranges and `size`), and those that it binds as indices. */
export function axisWords(
  bindings: readonly Ast.Binding[],
  roots: readonly (Ast.Expr | undefined)[],
): { readonly axes: ReadonlySet<string>; readonly indices: ReadonlySet<string> } {
  const axes = new Set<string>()
  const indices = new Set<string>()
  const range = (node: Ast.Range | undefined): void => {
    if (node?.kind === "extent" && node.value.kind === "name") axes.add(node.value.name)
  }
  const binder = (one: Ast.Binder): void => {
    if (one.index.kind === "name") (one.range ? indices : axes).add(one.index.name)
    range(one.range)
  }
  const binding = (one: Ast.Binding): void => {
    if (one.kind === "value-binding") one.binders.forEach(binder)
    if (one.kind !== "axis-binding") return
    indices.add(one.name.name)
    range(one.range)
  }
  const see = (e: Ast.Expr): void => {
    if (e.kind === "call" || e.kind === "fold") e.binders.forEach(binder)
    if (e.kind === "let") e.bindings.forEach(binding)
    if (e.kind === "substitute")
      for (const { axis } of e.entries) if (axis.kind === "name") axes.add(axis.name)
    const [first] = e.kind === "call" && e.callee.name === "size" ? e.arguments : []
    if (first?.kind === "name") axes.add(first.name)
  }
  bindings.forEach(binding)
  const values = flatMap(bindings, (one) =>
    one.kind === "axis-binding" ? [] : one.kind === "function-binding" ? [one.body] : [one.value],
  )
  for (const e of [...values, ...roots]) if (e) each(e, see)
  return { axes, indices }
}
