// A bare expression -> the loss it stands for, with a header inferred from how its free names are used.
import type * as Ast from "../../grammar/ast.ts"
import { nearest } from "../diagnostics.ts"
import { flatMap } from "../lists.ts"
import { arity } from "../modules.ts"
import type { Span } from "../source.ts"
import type { Checking } from "./checking.ts"
import { type Feature, type Found, headerOf, nameNode, rootOf } from "./inferred.ts"
import { reductions } from "./reductions.ts"
import { type Callable, type Frame, type Scope, nameOf, nest } from "./scope.ts"
import { axisWords, each } from "./tree.ts"

/** Makes the loss that a bare expression stands for. */
export function inferHeader(
  c: Checking,
  bare: Ast.Bare,
  params: Readonly<Record<string, number | boolean>>,
): Ast.Loss | undefined {
  const inference = new Inference(c, bare, new Map(Object.entries(params)))
  return inference.loss()
}

class Inference {
  private readonly c: Checking
  private readonly bare: Ast.Bare
  private readonly params: ReadonlyMap<string, number | boolean>
  private readonly found = new Map<string, Found>()
  private readonly axes = new Set<string>()
  private readonly indices = new Set<string>()
  private readonly usedParams = new Set<string>()
  private readonly scope: Scope
  private whole = true

  constructor(c: Checking, bare: Ast.Bare, params: ReadonlyMap<string, number | boolean>) {
    this.c = c
    this.bare = bare
    this.params = params
    const frame: Frame = {
      module: c.module,
      depth: 0,
      site: undefined,
      callable: undefined,
      indices: new Map(),
      ranges: new Map(),
    }
    this.scope = nest(undefined, frame)
  }

  loss(): Ast.Loss | undefined {
    const { body, docs, span } = this.bare
    const { bindings, value, where, per } = body
    const words = axisWords(bindings, [value, where, per])
    for (const name of words.axes) if (!this.params.has(name)) this.axes.add(name)
    for (const name of words.indices) this.indices.add(name)
    const bound = this.bind(bindings, new Set())
    for (const part of [value, where, per]) if (part) this.visit(part, undefined, bound)
    if (where) this.sentinels(where)
    for (const name of this.params.keys()) {
      if (this.usedParams.has(name)) continue
      const near = nearest(name, this.found.keys())
      this.c.warn(
        this.scope,
        span,
        "unused-argument",
        `the parameter \`${name}\` is not used in the expression`,
        {
          ...(near && { help: `did you mean \`${near}\`?` }),
        },
      )
    }
    if (!this.whole) return undefined
    return {
      kind: "loss",
      docs,
      name: nameNode("custom", span),
      ...headerOf({ found: this.found, params: this.params, used: this.usedParams, axes: this.axes }),
      body,
      span,
    }
  }

  private input(node: Ast.Name, bound: ReadonlySet<string>): Found | undefined {
    const { name, span } = node
    if (bound.has(name) || this.axes.has(name) || this.indices.has(name) || name === "pi" || name === "inf")
      return undefined
    if (this.params.has(name)) {
      this.usedParams.add(name)
      return undefined
    }
    let one = this.found.get(name)
    if (!one) this.found.set(name, (one = { span }))
    return one
  }

  private join(x: Feature, y: Feature, node: { readonly span: Span }): Feature {
    const [a, b] = [rootOf(x), rootOf(y)]
    if (a === b) return a
    if (a.name !== undefined && b.name !== undefined && a.name !== b.name) {
      this.whole = false
      this.c.fail(
        this.scope,
        node.span,
        "bare-axes",
        `an input would have the feature axes \`${a.name}\` and \`${b.name}\` at once`,
        {
          help: "write a header: `loss name[b](x: [c, d], …) = …`",
        },
      )
      return a
    }
    const name = a.name ?? b.name
    if (name !== undefined) b.name = name
    const components = a.components ?? b.components
    if (components) b.components = components
    a.same = b
    return b
  }

  private visit(e: Ast.Expr, feature: Feature | undefined, bound: ReadonlySet<string>): void {
    switch (e.kind) {
      case "name": {
        const one = this.input(e, bound)
        if (one && feature) one.feature = one.feature ? this.join(one.feature, feature, e) : feature
        return
      }
      case "unary":
        if (e.operator === "not") this.truth(e.operand, bound)
        return this.visit(e.operand, feature, bound)
      case "binary":
        for (const side of [e.left, e.right]) {
          if (e.operator === "and" || e.operator === "or") this.truth(side, bound)
          this.visit(side, feature, bound)
        }
        return
      case "if":
        this.truth(e.condition, bound)
        for (const part of [e.condition, e.whenTrue, e.whenFalse]) this.visit(part, feature, bound)
        return
      case "let":
        return this.visit(e.body, feature, this.bind(e.bindings, bound))
      case "tuple":
        return e.items.forEach((item) => this.visit(item, feature, bound))
      case "member":
        return this.visit(e.target, feature, bound)
      case "substitute":
        return this.substitute(e, feature, bound)
      case "call":
        return this.call(e, feature, bound)
      default:
    }
  }

  /** What stands where a condition is wanted is a bool, if it is an input by itself. */
  private truth(e: Ast.Expr, bound: ReadonlySet<string>): void {
    const one = e.kind === "name" ? this.input(e, bound) : undefined
    if (one) one.type = "bool"
  }

  private substitute(e: Ast.Substitute, outer: Feature | undefined, bound: ReadonlySet<string>): void {
    let feature = outer
    for (const { axis, value } of e.entries) {
      const named =
        axis.kind === "name" && axis.name !== "b" && !this.indices.has(axis.name)
          ? { name: axis.name }
          : undefined
      if (named) feature = feature ? this.join(feature, named, e) : named
      const one = value.kind === "name" ? this.input(value, bound) : undefined
      if (!one) this.visit(value, undefined, bound)
      else if (named) {
        one.into = named
        if (e.default) one.sentinel = true
      } else one.type = "int"
    }
    this.visit(e.target, feature, bound)
    if (e.default) this.visit(e.default, outer, bound)
  }

  private call(e: Ast.Call, outer: Feature | undefined, bound: ReadonlySet<string>): void {
    const { name } = e.callee
    if (e.filter) {
      this.truth(e.filter, bound)
      this.visit(e.filter, outer, bound)
    }
    const callable = this.callable(e)
    if (callable?.declaration.arguments.some((one) => one.type)) return this.typedCall(e, callable, bound)
    const several = (name === "min" || name === "max") && e.arguments.length > 1
    const reduces = (reductions.has(name) && !several) || this.works(callable, new Set())
    let feature = outer
    if (reduces && e.binders.length === 0) feature = outer ? this.join(outer, {}, e) : {}
    for (const { index, range } of e.binders) {
      const named =
        !range && index.kind === "name" && index.name !== "b" && !this.indices.has(index.name)
          ? { name: index.name }
          : undefined
      if (named) feature = feature ? this.join(feature, named, e) : named
    }
    const plainFrom =
      callable && reduces ? callable.declaration.arguments.findIndex((one) => one.default) : -1
    e.arguments.forEach((argument, i) =>
      this.visit(argument, plainFrom >= 0 && i >= plainFrom ? undefined : feature, bound),
    )
    for (const { value } of e.named) this.visit(value, undefined, bound)
    if (name === "any" || name === "all" || name === "count")
      e.arguments.forEach((argument) => this.truth(argument, bound))
  }

  /** A call of something that declares what its arguments are: a loss of the library. */
  private typedCall(e: Ast.Call, callable: Callable, bound: ReadonlySet<string>): void {
    const { declaration } = callable
    const batch = declaration.kind === "loss" ? declaration.axes.map(nameOf) : []
    const features = new Map<string, Feature>()
    const featureOf = (axis: string, components?: readonly Ast.Name[]): Feature => {
      const known = features.get(axis) ?? (components ? { components } : {})
      features.set(axis, known)
      return known
    }
    const named = e.named.map(({ name, value }) => {
      return { value, parameter: declaration.arguments.find((one) => one.name.name === name.name) }
    })
    const given = e.arguments.map((value, i) => ({ value, parameter: declaration.arguments[i] }))
    for (const { value, parameter } of [...given, ...named]) {
      const own = parameter?.type?.axes.find((axis) => !batch.includes(nameOf(axis)))
      const components = own?.kind === "components" ? own.members : undefined
      this.visit(value, own && featureOf(nameOf(own), components), bound)
      const one = value.kind === "name" ? this.input(value, bound) : undefined
      const scalar = parameter?.type?.scalar
      if (!one || !scalar) continue
      if (scalar.kind === "index") {
        one.into = featureOf(scalar.axis.name)
        one.sentinel = scalar.sentinel
      } else if (scalar.kind === "plain" && scalar.type !== "real") one.type = scalar.type
    }
  }

  private callable(e: Ast.Call): Callable | undefined {
    const { name } = e.callee
    const local = this.local.get(name)
    const all = local ? [local] : [...(this.c.module.declared.get(name) ?? []), ...this.c.library.find(name)]
    return all.find((one) => {
      const [least, most] = arity(one)
      return e.arguments.length >= Math.min(least, most) - e.named.length && e.arguments.length <= most
    })
  }

  private readonly local = new Map<string, Callable>()

  /** Whether a function works along an axis of its arguments that a call need not name. */
  private works(callable: Callable | undefined, seen: Set<Callable>): boolean {
    if (!callable || seen.has(callable)) return false
    seen.add(callable)
    const { declaration } = callable
    if (declaration.kind === "loss")
      return declaration.arguments.some((one) => (one.type?.axes.length ?? 0) > 0)
    if (declaration.axes.length > 0) return true
    let found = false
    calls(declaration.body, (call) => {
      if (call.binders.length > 0) return
      const several = (call.callee.name === "min" || call.callee.name === "max") && call.arguments.length > 1
      found ||= (reductions.has(call.callee.name) && !several) || this.works(this.callable(call), seen)
    })
    return found
  }

  private bind(bindings: readonly Ast.Binding[], bound: ReadonlySet<string>): ReadonlySet<string> {
    const inner = new Set(bound)
    for (const binding of bindings) {
      if (binding.kind === "axis-binding") continue
      if (binding.kind === "function-binding") {
        const { name } = binding.name
        this.local.set(name, {
          kind: "local",
          name,
          declaration: binding,
          module: this.c.module,
          scope: this.scope,
        })
        const own = new Set([
          ...inner,
          ...binding.arguments.map((one) => one.name.name),
          ...flatMap(binding.axes, (a) => (a.kind === "name" ? [a.name] : [])),
        ])
        this.visit(binding.body, undefined, own)
        continue
      }
      this.visit(binding.value, undefined, inner)
      for (const name of binding.kind === "tuple-binding" ? binding.names : [binding.name])
        inner.add(name.name)
    }
    return inner
  }

  /** A label that `where` compares may hold something that is no label. */
  private sentinels(where: Ast.Expr): void {
    each(where, (e) => {
      if (e.kind !== "binary") return
      for (const side of [e.left, e.right]) {
        const one = side.kind === "name" ? this.found.get(side.name) : undefined
        if (one?.into) one.sentinel = true
      }
    })
  }
}

function calls(root: Ast.Expr, see: (call: Ast.Call) => void): void {
  each(root, (e) => {
    if (e.kind === "call") see(e)
  })
}
