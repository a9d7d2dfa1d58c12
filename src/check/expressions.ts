// Expressions of a text -> values: core expressions with what they need.
import type * as Ast from "../../grammar/ast.ts"
import { nearest } from "../diagnostics.ts"
import type { Expr } from "../ir.ts"
import type { OpName } from "../ops.ts"
import { bind, declareIndex, numberOf, resolveAxis } from "./axes.ts"
import { call, isBuiltIn, isReserved } from "./calls.ts"
import type { Checking } from "./checking.ts"
import { member } from "./components.ts"
import { article, memberOf } from "./domains.ts"
import { fold } from "./folds.ts"
import { nameValue } from "./naming.ts"
import { asNumber, asSingle, condition, number } from "./operands.ts"
import { type Callable, type Scope, called, find, findFunctions, findRange, names, nest } from "./scope.ts"
import { substitution } from "./substitution.ts"
import { type Scalar, type Value, broken, plain, scalar, under } from "./values.ts"

/** Reads an expression. */
export function evaluate(c: Checking, node: Ast.Expr, scope: Scope): Value {
  c.step()
  switch (node.kind) {
    case "number":
      return plain(c.core.const(node.value))
    case "boolean":
      return plain(c.core.bool(node.value))
    case "string":
      return { kind: "text", text: node.value }
    case "name":
      return readName(c, node, scope)
    case "unary":
      return unary(c, node, scope)
    case "binary":
      return binary(c, node, scope)
    case "if":
      return choose(c, node, scope)
    case "let":
      return evaluate(c, node.body, bindAll(c, node.bindings, scope))
    case "substitute":
      return substitution(c, node, scope)
    case "call":
      return call(c, node, scope)
    case "tuple":
      return { kind: "tuple", items: node.items.map((item) => evaluate(c, item, scope)) }
    case "member":
      return member(c, node, scope)
    case "fold":
      return fold(c, node, scope)
  }
}

function readName(c: Checking, node: Ast.Name, scope: Scope): Value {
  const known = find(scope, node.name)
  if (known?.kind === "value") {
    c.used.add(known.value)
    return known.value
  }
  if (known || findRange(scope, node.name)) {
    const group = resolveAxis(c, node, scope)
    if (!group) return broken
    if (group.items.length === 1) return plain(numberOf(c, group.items[0]!))
    return c.fail(
      scope,
      node.span,
      "one-axis",
      `\`${node.name}\` stands for several axes here, and only one axis is a number`,
      {
        help: "say in brackets which axis the function works along",
      },
    )
  }
  if (node.name === "pi") return plain(c.core.const(Math.PI))
  if (node.name === "inf") return plain(c.core.const(Infinity))
  if (
    findFunctions(scope, node.name).length > 0 ||
    c.library.find(node.name).length > 0 ||
    isBuiltIn(node.name)
  )
    return c.fail(scope, node.span, "function-value", `\`${node.name}\` is a function`, {
      help: `call it: \`${node.name}(…)\``,
    })
  const near = nearest(node.name, [...names(scope, "value"), ...names(scope, "axis"), "pi", "inf"])
  return c.fail(
    scope,
    node.span,
    "unknown-name",
    `\`${node.name}\` is not defined`,
    near ? { label: `did you mean \`${near}\`?` } : {},
  )
}

function unary(c: Checking, node: Ast.Unary, scope: Scope): Value {
  const operand = node.operator === "-" ? number(c, node.operand, scope) : condition(c, node.operand, scope)
  if (!operand) return broken
  return scalar(c.watch(c.core.op(node.operator === "-" ? "neg" : "not", operand.expr)), [operand])
}

const arithmetic: Partial<Record<Ast.BinaryOperator, OpName>> = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "div",
  "^": "pow",
}

function binary(c: Checking, node: Ast.Binary, scope: Scope): Value {
  const { core } = c
  const { operator } = node
  if (operator === "and" || operator === "or") {
    const [left, right] = [condition(c, node.left, scope), condition(c, node.right, scope)]
    if (!left || !right) return broken
    // The right side is read only where the left one does not decide.
    const guard = operator === "and" ? left.expr : core.op("not", left.expr)
    return scalar(c.watch(core.op(operator, left.expr, right.expr)), [left, under(core, right, guard)])
  }
  const op = arithmetic[operator]
  if (op) {
    const [left, right] = [evaluate(c, node.left, scope), evaluate(c, node.right, scope)]
    const help = (from: Ast.Expr, other: Ast.Expr) =>
      operator === "*"
        ? () => `write \`if ${c.text(scope, from)} then ${c.text(scope, other)} else 0\``
        : undefined
    const x = asNumber(c, left, node.left, scope, help(node.left, node.right))
    const y = asNumber(c, right, node.right, scope, help(node.right, node.left))
    if (!x || !y) return broken
    return scalar(c.watch(core.op(op, x.expr, y.expr)), [x, y])
  }
  return compare(c, node, scope)
}

function compare(c: Checking, node: Ast.Binary, scope: Scope): Value {
  const { core } = c
  const { operator } = node
  const [left, right] = [evaluate(c, node.left, scope), evaluate(c, node.right, scope)]
  const equality = operator === "==" || operator === "!="
  if (left.kind === "text" || right.kind === "text") return compareText(c, node, left, right, scope)
  const [x, y] = [asSingle(c, left, node.left, scope), asSingle(c, right, node.right, scope)]
  if (!x || !y) return broken
  if ((x.expr.type === "bool") !== (y.expr.type === "bool"))
    return c.fail(
      scope,
      node.span,
      "comparison-types",
      `${c.quote(scope, node.left)} is ${article(x.expr.type)} and ${c.quote(scope, node.right)} is ${article(y.expr.type)}`,
      {
        help: "a bool is a condition by itself: `m`, or `not m`",
      },
    )
  if (!equality && (!asNumber(c, x, node.left, scope) || !asNumber(c, y, node.right, scope))) return broken
  const swap = operator === ">" || operator === ">="
  const [a, b] = swap ? [y.expr, x.expr] : [x.expr, y.expr]
  const op =
    operator === "==" ? "eq" : operator === "!=" ? "ne" : operator === "<" || operator === ">" ? "lt" : "le"
  return scalar(c.watch(core.op(op, a, b)), [x, y])
}

/** A choice and one of its members. */
function compareText(c: Checking, node: Ast.Binary, left: Value, right: Value, scope: Scope): Value {
  const { core } = c
  const { operator } = node
  if (left.kind === "broken" || right.kind === "broken") return broken
  if (operator !== "==" && operator !== "!=")
    return c.fail(scope, node.span, "text-value", "words have no order", {
      help: "choices compare with `==` and `!=`",
    })
  const same = (equal: boolean): Value => plain(core.bool(equal === (operator === "==")))
  if (left.kind === "text" && right.kind === "text") return same(left.text === right.text)
  const [choice, text] = left.kind === "text" ? [right, node.left] : [left, node.right]
  const choiceNode = left.kind === "text" ? node.right : node.left
  const input = choice.kind === "scalar" && choice.expr.kind === "load" ? choice.expr.input : undefined
  if (!input?.choices)
    return c.fail(scope, node.span, "text-value", `${c.quote(scope, choiceNode)} is not a choice`, {
      help: 'a choice is declared by its members: `kind: "a" | "b" = "a"`',
    })
  const word = left.kind === "text" ? left.text : right.kind === "text" ? right.text : ""
  const at = text.kind === "string" ? memberOf(c, scope, text, input) : input.choices.indexOf(word)
  if (at === undefined) return broken
  if (at < 0) return same(false)
  return plain(core.op(operator === "==" ? "eq" : "ne", (choice as Scalar).expr, core.const(at)))
}

function choose(c: Checking, node: Ast.If, scope: Scope): Value {
  const test = condition(c, node.condition, scope)
  const [whenTrue, whenFalse] = [evaluate(c, node.whenTrue, scope), evaluate(c, node.whenFalse, scope)]
  if (!test) return broken
  return select(c, test, whenTrue, whenFalse, node, scope)
}

function select(c: Checking, test: Scalar, left: Value, right: Value, node: Ast.If, scope: Scope): Value {
  if (left.kind === "tuple" && right.kind === "tuple" && left.items.length === right.items.length)
    return {
      kind: "tuple",
      items: left.items.map((item, i) => select(c, test, item, right.items[i]!, node, scope)),
    }
  const decided = test.expr.kind === "const" ? (test.expr.value !== 0 ? left : right) : undefined
  if (decided && decided.kind === "text") return decided
  const x = asSingle(c, left, node.whenTrue, scope)
  const y = asSingle(c, right, node.whenFalse, scope)
  if (!x || !y) return broken
  if ((x.expr.type === "bool") !== (y.expr.type === "bool"))
    return c.fail(
      scope,
      node.span,
      "branch-types",
      `one branch is ${article(x.expr.type)} and the other ${article(y.expr.type)}`,
      {
        help: "both branches of an `if` give the same kind of value",
      },
    )
  const { core } = c
  const expr: Expr = core.op("select", test.expr, x.expr, y.expr)
  return scalar(c.watch(expr), [test, under(core, x, test.expr), under(core, y, core.op("not", test.expr))])
}

// -------------------------------------------------------------------------------------- bindings

/** The scope after bindings, each of which sees the earlier ones. */
export function bindAll(c: Checking, bindings: readonly Ast.Binding[], scope: Scope): Scope {
  return bindings.reduce((inner, binding) => bindOne(c, binding, inner), scope)
}

function bindOne(c: Checking, binding: Ast.Binding, scope: Scope): Scope {
  c.step()
  const inner = nest(scope, scope.frame)
  switch (binding.kind) {
    case "value-binding": {
      if (binding.binders.length > 0) bind(c, binding.binders, scope)
      const value = evaluate(c, binding.value, scope)
      nameValue(c, binding.name, fresh(value), inner)
      return inner
    }
    case "axis-binding": {
      const { name, span } = binding.name
      declareIndex(c, name, binding.range, span, scope)
      return scope
    }
    case "function-binding": {
      const { name, span } = binding.name
      if (isReserved(name))
        c.fail(scope, span, "reserved-function", `\`${name}\` is a function of the language`, {
          help: "use another name",
        })
      for (const { name: parameter } of binding.arguments) {
        const known = find(scope, parameter.name)
        if (known?.kind !== "axis") continue
        c.fail(
          scope,
          parameter.span,
          "name-taken",
          `\`${parameter.name}\` is ${called(known.group.what)} already`,
          {
            help: "axes and values share their names: use another",
          },
        )
      }
      const callable: Callable = {
        kind: "local",
        name,
        declaration: binding,
        module: scope.frame.module,
        scope,
      }
      inner.functions.set(name, [callable])
      return inner
    }
    case "tuple-binding": {
      const value = evaluate(c, binding.value, scope)
      const items = value.kind === "tuple" ? value.items : undefined
      if (value.kind !== "broken" && items?.length !== binding.names.length)
        c.fail(
          scope,
          binding.value.span,
          "several-values",
          `${c.quote(scope, binding.value)} is ${items ? `${items.length} values` : "one value"}, and there are ${binding.names.length} names`,
        )
      binding.names.forEach((name, i) =>
        nameValue(c, name, fresh(items?.length === binding.names.length ? items[i]! : broken), inner),
      )
      return inner
    }
  }
}

/** A value of its own, so that reading one name is not reading another. */
const fresh = (value: Value): Value => ({ ...value })
