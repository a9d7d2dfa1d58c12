/** A flat list of operands and operators -> a tree, by the table of precedence. */

import type { IToken, TokenType } from "chevrotain"
import type { ParseCode } from "../src/catalogue/parse.ts"
import { quote } from "../src/diagnostics.ts"
import { cover, type Span } from "../src/source.ts"
import type { BinaryOperator, Expr } from "./ast.ts"
import * as t from "./tokens.ts"

/** How tightly things bind; a larger number binds tighter. The printer uses the same numbers. */
export const levels = {
  default: 1,
  or: 2,
  and: 3,
  not: 4,
  comparison: 5,
  sum: 6,
  product: 7,
  negative: 8,
  power: 9,
  postfix: 10,
} as const

/** The level of each infix operator. Powers associate to the right, comparisons not at all. */
export const operatorLevels: Readonly<Record<BinaryOperator, number>> = {
  or: levels.or,
  and: levels.and,
  "==": levels.comparison,
  "!=": levels.comparison,
  "<": levels.comparison,
  "<=": levels.comparison,
  ">": levels.comparison,
  ">=": levels.comparison,
  "+": levels.sum,
  "-": levels.sum,
  "*": levels.product,
  "/": levels.product,
  "^": levels.power,
}

const operators: ReadonlyMap<TokenType, BinaryOperator> = new Map<TokenType, BinaryOperator>([
  [t.Or, "or"],
  [t.And, "and"],
  [t.EqualEqual, "=="],
  [t.NotEqual, "!="],
  [t.Less, "<"],
  [t.LessEqual, "<="],
  [t.Greater, ">"],
  [t.GreaterEqual, ">="],
  [t.Plus, "+"],
  [t.Minus, "-"],
  [t.Star, "*"],
  [t.Slash, "/"],
  [t.Caret, "^"],
])

/** Operators of other languages, by what is written for them here. */
const foreign: ReadonlyMap<string, { readonly as: BinaryOperator; readonly call?: string }> = new Map<
  string,
  { as: BinaryOperator; call?: string }
>([
  ["**", { as: "^" }],
  ["&&", { as: "and" }],
  ["&", { as: "and" }],
  ["||", { as: "or" }],
  ["|", { as: "or" }],
  ["===", { as: "==" }],
  ["!==", { as: "!=" }],
  ["<>", { as: "!=" }],
  ["%", { as: "*", call: "mod" }],
  ["@", { as: "*", call: "dot" }],
])

/** What stands in a list of operands and operators. */
export type Item =
  | { readonly kind: "prefix" | "infix"; readonly token: IToken }
  | {
      readonly kind: "operand"
      readonly value: Expr
      /** Parentheses included. */
      readonly span: Span
      /** Set to the first word of a `let`, `if` or `fold` without parentheses around it. */
      readonly form: IToken | undefined
      /** Whether it is a substitution that `??` can follow. */
      readonly substitution: boolean
    }

/** What the tree builder needs from the parser. */
export interface Building {
  /** The text of a span. */
  text(span: Span): string
  /** Reports an error and goes on. */
  note(code: ParseCode, span: Span, message: string, more?: { help?: string; label?: string }): void
  /** Gives a node its height. */
  node<N extends Expr>(node: N, parts: readonly Expr[]): N
}

interface Value {
  readonly value: Expr
  readonly span: Span
  /** The right operand of a comparison that has no parentheses. */
  readonly compared?: Span
}

interface Pending {
  readonly token: IToken
  readonly prefix: boolean
  readonly level: number
}

/** The level of an infix token, foreign ones included. */
export function levelOf(token: IToken): number {
  if (token.tokenType === t.Default) return levels.default
  const meant = operators.get(token.tokenType) ?? foreign.get(token.image)?.as
  // `=` and `+=` are read as comparisons: as what they mean in a condition, or as something that ends one.
  return meant ? operatorLevels[meant] : levels.comparison
}

/** Builds the tree of a list that alternates between (prefixed) operands and operators. */
export function climb(items: readonly Item[], building: Building): Expr {
  const first = items[0]!
  if (items.length === 1 && first.kind === "operand") return first.value
  for (const item of items) {
    if (item.kind !== "operand" || !item.form) continue
    const word = quote(item.form.image)
    building.note("operand-form", t.spanOf(item.form), `${word} as an operand needs parentheses`, {
      help: `write \`(${item.form.image} …)\``,
    })
  }
  if (items.some((item) => item.kind === "infix" && item.token.tokenType === t.Default))
    return climbDefault(items, building)
  return climbOperators(items, building).value
}

function climbOperators(items: readonly Item[], building: Building): Value {
  const values: Value[] = []
  const pending: Pending[] = []
  const reduce = () => {
    const { token, prefix } = pending.pop()!
    const right = values.pop()!
    values.push(prefix ? unary(token, right, building) : binary(token, values.pop()!, right, building))
  }
  for (const item of items) {
    if (item.kind === "operand") {
      values.push({ value: item.value, span: item.span })
      continue
    }
    const { token } = item
    const top = pending.at(-1)
    if (item.kind === "prefix") {
      const not = token.tokenType === t.Not || token.tokenType === t.Bang || token.tokenType === t.Tilde
      if (not && top && top.level > levels.not)
        building.note(
          "not-operand",
          t.spanOf(token),
          `${quote(token.image)} as an operand needs parentheses`,
          {
            help: "write `(not …)`",
          },
        )
      pending.push({ token, prefix: true, level: not ? levels.not : levels.negative })
      continue
    }
    const level = levelOf(token)
    const rightToLeft = level === levels.power
    while (pending.length > 0) {
      const above = pending.at(-1)!.level
      if (above < level || (above === level && rightToLeft)) break
      reduce()
    }
    pending.push({ token, prefix: false, level })
  }
  while (pending.length > 0) reduce()
  return values[0]!
}

function unary(token: IToken, of: Value, building: Building): Value {
  const span = cover(t.spanOf(token), of.span)
  const type = token.tokenType
  if (type === t.Plus) {
    building.note("unary-plus", t.spanOf(token), "there is no unary plus", { help: "leave it out" })
    return { value: of.value, span }
  }
  if (type === t.Bang || type === t.Tilde)
    building.note("foreign-operator", t.spanOf(token), `${quote(token.image)} is written \`not\` here`, {
      help: "write `not`",
    })
  if (type === t.Minus && of.value.kind === "string") textValue(of, building)
  const operator = type === t.Minus ? "-" : "not"
  return { value: building.node({ kind: "unary", operator, operand: of.value, span }, [of.value]), span }
}

function binary(token: IToken, left: Value, right: Value, building: Building): Value {
  const span = cover(left.span, right.span)
  const at = t.spanOf(token)
  const { image } = token
  let operator = operators.get(token.tokenType) ?? foreign.get(image)?.as ?? "=="
  const call = foreign.get(image)?.call
  if (call !== undefined) {
    const fix = `${call}(${building.text(left.span)}, ${building.text(right.span)})`
    building.note("foreign-operator", at, `${quote(image)} is written \`${call}(a, b)\` here`, {
      help: `write ${quote(fix)}`,
    })
  } else if (foreign.has(image)) {
    building.note("foreign-operator", at, `${quote(image)} is written ${quote(operator)} here`, {
      help: `write ${quote(operator)}`,
    })
  } else if (token.tokenType === t.Equal) {
    building.note("equality", at, "`=` gives a name to something; equality is `==`", { help: "write `==`" })
  } else if (token.tokenType === t.Assign) {
    building.note("assignment", at, `${quote(image)}: nothing is assigned here`, {
      help: "write `let name = … in …`",
    })
    operator = "and"
  }
  if (operatorLevels[operator] !== levels.comparison) {
    if (left.value.kind === "string") textValue(left, building)
    if (right.value.kind === "string") textValue(right, building)
  } else if (left.compared) {
    const middle = building.text(left.compared)
    const fix = `${building.text(left.span)} and ${middle} ${operator} ${building.text(right.span)}`
    building.note("comparison-chain", at, "comparisons do not chain", { help: `write ${quote(fix)}` })
    operator = "and"
  }
  const value = building.node({ kind: "binary", operator, left: left.value, right: right.value, at, span }, [
    left.value,
    right.value,
  ])
  return operatorLevels[operator] === levels.comparison
    ? { value, span, compared: right.span }
    : { value, span }
}

function textValue(of: Value, building: Building): void {
  building.note("text-value", of.span, "a text is only ever compared with `==` or `!=`", {
    help: 'texts are the members of a choice: `kind: "a" | "b"`',
  })
}

/** `a[…] ?? b[…] ?? 0`, from right to left; next to any other operator `??` is an error. */
function climbDefault(items: readonly Item[], building: Building): Expr {
  const parts: Item[][] = [[]]
  const marks: IToken[] = []
  for (const item of items) {
    if (item.kind === "infix" && item.token.tokenType === t.Default) {
      marks.push(item.token)
      parts.push([])
    } else parts.at(-1)!.push(item)
  }
  const last = parts.pop()!
  const clear =
    parts.every((part) => part.length === 1 && isSubstitution(part[0]!)) &&
    last.every(
      (item) => item.kind === "operand" || (item.kind === "prefix" && item.token.tokenType !== t.Not),
    )
  if (!clear) {
    unclear(items, marks[0]!, building)
    return climbOperators(parts[0]!, building).value
  }
  let result = climbOperators(last, building)
  for (const part of parts.reverse()) {
    const target = part[0]!
    if (target.kind !== "operand" || target.value.kind !== "substitute") continue
    const span = cover(target.span, result.span)
    result = {
      value: building.node({ ...target.value, default: result.value, span }, [target.value, result.value]),
      span,
    }
  }
  return result.value
}

function isSubstitution(item: Item): boolean {
  return item.kind === "operand" && item.substitution
}

function spanOfItem(item: Item): Span {
  return item.kind === "operand" ? item.span : t.spanOf(item.token)
}

function unclear(items: readonly Item[], mark: IToken, building: Building): void {
  const at = items.findIndex((item) => item.kind !== "operand" && item.token === mark)
  const left = items[at - 1]!
  const text = (from: number, to: number) => {
    if (from >= to) return ""
    return building.text(cover(spanOfItem(items[from]!), spanOfItem(items[to - 1]!)))
  }
  if (!isSubstitution(left)) {
    const found = quote(building.text(spanOfItem(left)))
    building.note(
      "default-of",
      t.spanOf(mark),
      `\`??\` gives a default to a substitution, and ${found} is none`,
      {
        help: "write `x[a = e] ?? default`",
      },
    )
    return
  }
  let end = at + 1
  while (items[end]?.kind === "prefix") end++
  end++
  const before = text(0, at - 1)
  const after = text(end, items.length)
  const clear = `(${text(at - 1, end)})`
  const tight = before + (before && items[0]!.kind !== "prefix" ? " " : "") + clear + (after && ` ${after}`)
  const loose = !before && after ? ` or ${quote(`${text(0, at)} ?? (${text(at + 1, items.length)})`)}` : ""
  building.note("default-mix", t.spanOf(mark), "`??` next to another operator needs parentheses", {
    help: `write ${quote(tight)}${loose}`,
  })
}
