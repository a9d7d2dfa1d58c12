/** Random trees: what is printed parses to the tree that was printed. */

import { expect, test } from "vitest"
import fc from "fast-check"
import type {
  Argument,
  Axis,
  BinaryOperator,
  Binder,
  Binding,
  Body,
  Comment,
  Declaration,
  Domain,
  Expr,
  File,
  Name,
  Range,
  Rest,
  Type,
} from "../grammar/ast.ts"
import { parse, parseExpression } from "../grammar/parser.ts"
import { print, printExpression } from "../grammar/print.ts"
import { renderAll } from "../src/diagnostics.ts"
import { bare } from "./parse.cases.ts"

const span = { start: 0, end: 0 }
const source = { name: "random", text: "" }

// Words of headers and tails, words of other languages, and names that objects already have.
const words = (
  "x y z a b c longer_name camelCase _ _1 X9 per norm axis grad envelope unroll shared static real int bool index " +
  "for return elif lambda mod div size count inf __proto__ constructor toString var wgsl"
).split(" ")

const name: fc.Arbitrary<Name> = fc.constantFrom(...words).map((text) => ({ kind: "name", name: text, span }))
const rest: fc.Arbitrary<Rest> = fc.constant({ kind: "rest", span })
const index = fc.oneof({ weight: 5, arbitrary: name }, { weight: 1, arbitrary: rest })
const few = <T>(of: fc.Arbitrary<T>, minLength = 0, maxLength = 3) => fc.array(of, { minLength, maxLength })
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined })

const docs: fc.Arbitrary<Comment[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Comment[]>([]) },
  {
    weight: 1,
    arbitrary: few(
      fc.constantFrom("", "A doc.", "example: f(1) = 2", "/ loss f(x) = 1", "* note */", '"'),
      1,
    ).map((texts) => texts.map((text): Comment => ({ kind: "comment", text, doc: true, span }))),
  },
)

const text = fc.constantFrom("sigmoid", "hinge", "", "a b", "// no comment", "'").map((value): Expr => {
  return { kind: "string", value, span }
})

const number = fc
  .oneof(
    fc.nat(20),
    fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(1e21, 1e-12, 5e-324, 0.1, 1.7976931348623157e308),
  )
  .map((value): Expr => ({
    kind: "number",
    value: Object.is(value, -0) ? 0 : value,
    text: String(value + 0),
    span,
  }))

const operators: BinaryOperator[] = ["or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "^"]

const trees = fc.letrec<{
  expr: Expr
  call: Expr
  substitute: Expr
  let: Expr
  fold: Expr
  binding: Binding
  binder: Binder
  range: Range
  type: Type
  argument: Argument
  domain: Domain
}>((tie) => {
  const expr = tie("expr")
  const binders = few(tie("binder"), 0, 2)
  return {
    expr: fc.oneof(
      { maxDepth: 4, depthSize: "small", withCrossShrink: true },
      name,
      number,
      fc.boolean().map((value): Expr => ({ kind: "boolean", value, span })),
      fc.record({
        kind: fc.constant("binary"),
        operator: fc.constantFrom(...operators),
        left: expr,
        right: expr,
        at: fc.constant(span),
        span: fc.constant(span),
      }) as fc.Arbitrary<Expr>,
      fc.record({
        kind: fc.constant("binary"),
        operator: fc.constantFrom("==", "!="),
        left: expr,
        right: text,
        at: fc.constant(span),
        span: fc.constant(span),
      }) as fc.Arbitrary<Expr>,
      fc.record({
        kind: fc.constant("unary"),
        operator: fc.constantFrom("-", "not"),
        operand: expr,
        span: fc.constant(span),
      }) as fc.Arbitrary<Expr>,
      fc.record({
        kind: fc.constant("if"),
        condition: expr,
        whenTrue: expr,
        whenFalse: expr,
        span: fc.constant(span),
      }) as fc.Arbitrary<Expr>,
      fc.record({
        kind: fc.constant("tuple"),
        items: few(expr, 2),
        span: fc.constant(span),
      }) as fc.Arbitrary<Expr>,
      fc.record({
        kind: fc.constant("member"),
        target: expr,
        name,
        span: fc.constant(span),
      }) as fc.Arbitrary<Expr>,
      tie("call"),
      tie("substitute"),
      tie("let"),
      tie("fold"),
    ),
    call: fc
      .record({
        callee: name,
        binders,
        filter: maybe(expr),
        positional: few(fc.oneof(expr, text)),
        named: few(fc.tuple(name, expr), 0, 2),
      })
      .map(({ callee, binders, filter, positional, named }): Expr => ({
        kind: "call",
        callee,
        binders,
        filter: binders.length > 0 ? filter : undefined,
        arguments: positional,
        named: named.map(([name, value]) => ({ kind: "named-argument", name, value, span })),
        span,
      })),
    substitute: fc
      .tuple(expr, few(fc.tuple(index, expr), 1), maybe(expr))
      .map(([target, entries, fallback]): Expr => ({
        kind: "substitute",
        target,
        entries: entries.map(([axis, value]) => ({ kind: "entry", axis, value, span })),
        default: fallback,
        span,
      })),
    let: fc
      .tuple(few(tie("binding"), 1), expr)
      .map(([bindings, body]): Expr => ({ kind: "let", bindings, body, span })),
    fold: fc
      .record({
        form: fc.constantFrom("fold" as const, "scan" as const),
        binders: few(tie("binder"), 1, 2),
        filter: maybe(expr),
        grad: fc.constantFrom(undefined, "envelope" as const, "unroll" as const),
        states: few(fc.tuple(name, maybe(tie("type")), expr), 1, 2),
        step: expr,
      })
      .map(({ states, ...fold }): Expr => ({
        kind: "fold",
        ...fold,
        states: states.map(([name, type, initial]) => ({ kind: "state", name, type, initial, span })),
        span,
      })),
    binding: fc.oneof(
      fc
        .tuple(name, binders, expr)
        .map(([name, binders, value]): Binding => ({ kind: "value-binding", name, binders, value, span })),
      fc
        .tuple(few(name, 2), expr)
        .map(([names, value]): Binding => ({ kind: "tuple-binding", names, value, span })),
      fc
        .tuple(name, tie("range"))
        .map(([name, range]): Binding => ({ kind: "axis-binding", name, range, span })),
      fc
        .tuple(name, few(index), few(tie("argument"), 0, 2), expr)
        .map(([name, axes, args, body]): Binding => ({
          kind: "function-binding",
          name,
          axes,
          arguments: args,
          body,
          span,
        })),
    ),
    binder: fc
      .tuple(index, maybe(tie("range")))
      .map(([index, range]): Binder => ({ kind: "binder", index, range, span })),
    range: fc.oneof(
      expr.map((value): Range => ({ kind: "extent", value, span })),
      fc.tuple(expr, expr).map(([low, high]): Range => ({ kind: "from-to", low, high, span })),
    ),
    type: fc
      .tuple(
        few(
          fc.oneof(
            index as fc.Arbitrary<Axis>,
            fc
              .tuple(maybe(name), few(name, 1))
              .map(([name, members]): Axis => ({ kind: "components", name, members, span })),
          ),
        ),
        maybe(
          fc.oneof(
            fc
              .constantFrom("real" as const, "int" as const, "bool" as const)
              .map((type) => ({ kind: "plain" as const, type, span })),
            fc
              .tuple(fc.boolean(), name)
              .map(([sentinel, axis]) => ({ kind: "index" as const, sentinel, axis, span })),
            few(text, 1).map((members) => ({ kind: "choice" as const, members: members as never[], span })),
          ),
        ),
      )
      .map(([axes, scalar]): Type => ({ kind: "type", axes, scalar, span })),
    domain: fc.oneof(
      fc.tuple(expr, expr).map(([low, high]): Domain => ({ kind: "interval", low, high, span })),
      few(
        fc.tuple(
          fc.constantFrom("<" as const, "<=" as const, ">" as const, ">=" as const, "!=" as const),
          expr,
        ),
        1,
      ).map((bounds): Domain => ({
        kind: "bounds",
        bounds: bounds.map(([operator, value]) => ({ kind: "bound", operator, value, span })),
        span,
      })),
    ),
    argument: fc
      .record({
        docs,
        modifier: fc.constantFrom(undefined, undefined, "shared" as const, "static" as const),
        name,
        type: maybe(tie("type")),
        domain: maybe(tie("domain")),
        default: maybe(fc.oneof(expr, text)),
      })
      .map((argument): Argument => ({ kind: "argument", ...argument, span })),
  }
})

const body: fc.Arbitrary<Body> = fc
  .record({
    bindings: few(trees.binding, 0, 2),
    value: trees.expr,
    where: maybe(trees.expr),
    per: maybe(trees.expr),
  })
  .map((parts) => ({ kind: "body", ...parts, span }))

const declaration: fc.Arbitrary<Declaration> = fc.oneof(
  fc
    .record({
      docs,
      name,
      axes: few(index),
      arguments: few(trees.argument),
      options: few(trees.argument),
      body,
    })
    .map((parts): Declaration => ({ kind: "loss", ...parts, span })),
  fc
    .record({ docs, name, axes: few(index), arguments: few(trees.argument), body: trees.expr })
    .map((parts): Declaration => ({ kind: "def", ...parts, span })),
  docs.map((docs): Declaration => ({
    kind: "use",
    docs,
    path: { kind: "string", value: "./mine.loss", span },
    span,
  })),
)

const file: fc.Arbitrary<File> = fc
  .oneof(
    few(declaration, 1),
    fc.tuple(docs, body).map(([docs, body]): Declaration[] => [{ kind: "bare", docs, body, span }]),
  )
  .map((declarations) => ({ kind: "file", source, declarations, comments: [], span }))

test("a random file keeps its tree, and prints the same again", () => {
  fc.assert(
    fc.property(file, fc.constantFrom(20, 60, 100), (tree, width) => {
      const printed = print(tree, { width })
      const { file: again, complete, diagnostics } = parse({ name: "random", text: printed })
      expect(complete, `${printed}\n${renderAll(diagnostics)}`).toBe(true)
      expect(diagnostics, printed).toEqual([])
      expect(bare(again), printed).toEqual(bare(tree))
      expect(print(again, { width })).toBe(printed)
    }),
    { numRuns: 150, seed: 3 },
  )
})

test("a random expression keeps its tree", () => {
  fc.assert(
    fc.property(trees.expr, (tree) => {
      const printed = printExpression(tree)
      expect(printed).not.toContain("\n")
      expect(withoutDocs(parseExpression(printed)), printed).toEqual(withoutDocs(tree))
    }),
    { numRuns: 600, seed: 5 },
  )
})

/** An expression on one line has no room for the docs of a local function's arguments. */
function withoutDocs(tree: Expr): unknown {
  return JSON.parse(JSON.stringify(bare(tree), (key, value) => (key === "docs" ? undefined : value)))
}
