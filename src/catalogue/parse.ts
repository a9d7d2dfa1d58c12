/** What can be wrong with the text of a loss: what each code means, and the smallest program that raises it. */

import type { CatalogueEntry } from "../diagnostics.ts"

/** A code that the parser raises. */
export type ParseCode = keyof typeof parseCatalogue

/** Every code of the parser. A test parses each example and finds its code and no other. */
export const parseCatalogue = {
  // ------------------------------------------------------------------------------------ characters
  "foreign-character": {
    about: "A character that only looks like one of the language, or that it does not know.",
    example: "loss f(x) = x − 1",
  },
  "hash-comment": { about: "A comment that begins with `#`.", example: "loss f(x) = x # half of it" },
  "block-comment": { about: "A comment between `/*` and `*/`.", example: "loss f(x) = /* all of */ x" },
  "open-string": { about: "A quotation mark without a partner on its line.", example: 'use "./mine.loss' },
  "single-quotes": {
    about: "A text between single quotation marks.",
    example: "loss f(x; kind: 'a' = \"a\") = x",
  },
  "number-dot": { about: "A number that ends with a point.", example: "loss f(x) = 1. * x" },
  "number-range": { about: "A number beyond the largest double.", example: "loss f(x) = 1e999 * x" },

  "number-form": { about: "A number as other languages write it.", example: "loss f(x) = 1_000 * x" },

  // -------------------------------------------------------------------------------------- brackets
  "open-bracket": { about: "A bracket that is never closed.", example: "loss f(x) = sum[d(x)" },
  "extra-bracket": { about: "A bracket that closes nothing.", example: "loss f(x) = x)" },
  "bracket-mismatch": {
    about: "A bracket that is closed by one of another shape.",
    example: "loss f(x) = (x]",
  },

  // ---------------------------------------------------------------------------------- declarations
  "empty-source": { about: "A text without a loss.", example: "// nothing" },
  "expected-declaration": {
    about: "A text that begins with none of `loss`, `def` and `use`, and is no expression alone.",
    example: "x + 1 loss f(x) = x",
  },
  "expected-name": { about: "Something else where a name should be.", example: "loss (x) = x" },
  "reserved-word": { about: "A word of the language as a name.", example: "loss f(if) = 1" },
  "missing-equals": { about: "A header that is not followed by `=`.", example: "loss f(x) { x }" },
  "expected-expression": { about: "Nothing where an expression should be.", example: "loss f(x) = x +" },
  "expected-token": { about: "Something else where a certain mark should be.", example: "loss f[b] = x" },
  "missing-operator": { about: "Two expressions side by side.", example: "loss f(x) = 2x" },
  "missing-comma": { about: "Two items of a list side by side.", example: "loss f(x: [c] y: [c]) = x" },
  "extra-comma": { about: "A comma with nothing before it.", example: "loss f(x,, y) = x" },
  "extra-semicolon": { about: "A semicolon outside of a header.", example: "loss f(x) = x;" },
  "local-declaration": {
    about: "A function or an axis that is declared in a body, but in no `let`.",
    example: "loss f(x) = def g(y) = y g(x)",
  },
  "stray-doc": {
    about: "A documentation comment that no declaration or argument follows.",
    example: "/// half of it\n\nloss f(x) = x / 2",
  },
  "comment-hides-code": {
    about: "A comment that looks like the right side of a division.",
    example: "loss f(x) = x // 2",
  },

  // --------------------------------------------------------------------------------------- headers
  "axis-number": { about: "A size where the name of an axis should be.", example: "loss f[3](x) = x" },
  "unknown-type": { about: "A type that does not exist.", example: "loss f(x: float) = x" },
  "expected-type": { about: "Nothing where a type should be.", example: "loss f(x: ) = x" },
  "index-axis": { about: "An index that does not say of which axis.", example: "loss f(y: index) = y" },
  "default-equals": {
    about: "A default that is written with `==` or `:=`.",
    example: "loss f(x; m == 1) = x",
  },
  "open-interval": {
    about: "An interval that leaves out an end.",
    example: "loss f(x; p: real in (0, 1]) = x",
  },
  "interval-range": {
    about: "A range where an interval should be.",
    example: "loss f(x; p: real in 0 .. 1) = x",
  },

  // ------------------------------------------------------------------------------------- operators
  "foreign-operator": { about: "An operator of another language.", example: "loss f(x) = x ** 2" },
  "comparison-chain": { about: "A comparison of a comparison.", example: "loss f(x) = indicator(0 < x < 1)" },
  "not-operand": {
    about: "`not` as the operand of something that binds tighter.",
    example: "loss f(x: bool) = indicator(x == not x)",
  },
  "operand-form": {
    about: "`let`, `if` or `fold` as an operand, without parentheses.",
    example: "loss f(x) = 2 * if x > 0 then 1 else 2",
  },
  equality: { about: "`=` as a comparison.", example: "loss f(x) = if x = 0 then 1 else 2" },
  assignment: { about: "An assignment.", example: "loss f(x) = x += 1" },
  "default-of": { about: "`??` behind something that is no substitution.", example: "loss f(x) = x ?? 0" },
  "default-mix": {
    about: "`??` next to another operator.",
    example: "loss f(x: [h]) = sum[h](x[h = h - 1] ?? 0 + x)",
  },
  "unary-plus": { about: "A plus sign with nothing on its left.", example: "loss f(x) = +x" },
  "text-value": { about: "A text in arithmetic.", example: 'loss f(x) = x + "a"' },
  "literal-postfix": {
    about: "A substitution or component of a number.",
    example: "loss f(x) = x + 2[c = 1]",
  },

  // ----------------------------------------------------------------------------------------- forms
  "if-without-else": { about: "An `if` without `else`.", example: "loss f(x) = if x > 0 then x" },
  "expected-then": { about: "An `if` without `then`.", example: "loss f(x) = if x > 0 x else 0" },
  elif: {
    about: "`elif` of other languages.",
    example: "loss f(x) = if x > 0 then x elif x < 0 then -x else 0",
  },
  ternary: { about: "The `? :` of other languages.", example: "loss f(x) = x > 0 ? x : 0" },
  "missing-in": { about: "A `let` without `in`.", example: "loss f(x) = let a = 1, b = 2 a + b" },
  "let-separator": {
    about: "Bindings that are not separated by commas.",
    example: "loss f(x) = let a = 1; b = 2 in a + b",
  },
  "table-filter": {
    about: "A filter in the brackets of a `let`.",
    example: "loss f[b](x) = let s[j in b if j != b] = x[b = j] in sum[j](s)",
  },
  "function-axis": {
    about: "A range in the axes of a local function.",
    example: "loss f(x: [d]) = let g[k in d](u) = sum[k](u) in g[d](x)",
  },
  "binding-word": { about: "`var` and its like.", example: "loss f(x) = var a = 1" },
  comprehension: { about: "A `for`.", example: "loss f[b](x) = sum(x for j in b)" },
  lambda: { about: "A function without a name.", example: "loss f(x) = lambda x" },
  return: { about: "A `return`.", example: "loss f(x) = return x" },
  brace: { about: "Braces.", example: "loss f(x) = if x > 0 { x } else { 0 }" },
  "fold-arrow": { about: "A fold without `=>`.", example: "loss f(x: [t]) = fold[t](a = 0) a + x" },
  "fold-grad": {
    about: "How to differentiate a fold, behind its step.",
    example: "loss f(x: [t]) = fold[t](a = 0) => a + x grad unroll",
  },

  // ------------------------------------------------------------------------------ brackets and calls
  "position-index": { about: "A position or a slice in brackets.", example: "loss f(x: [c]) = x[0]" },
  "subst-equals": { about: "A substitution with `==`.", example: "loss f(x: [c], y: index c) = x[c == y]" },
  "reduce-what": { about: "A reduction of nothing.", example: "loss f(x: [d]) = sum[d]" },
  "filter-not-last": {
    about: "A filter that is not at the end of the brackets.",
    example: "loss f[b](x: [c]) = sum[j in b if j != b, c](x)",
  },
  "filter-twice": {
    about: "Two filters.",
    example: "loss f(x: [c]) = sum[c if c != 0 if x > 0](x)",
  },
  method: { about: "A method.", example: "loss f(x: [d]) = x.sum()" },
  "semicolon-in-call": { about: "A semicolon in a call.", example: "loss f(x) = huber(x, 0; delta = 2)" },
  "positional-after-named": {
    about: "An argument without a name behind one that has one.",
    example: "loss f(x) = huber(pred = x, 0)",
  },
  "list-value": { about: "A list of numbers.", example: "loss f(x) = [1, 2] * x" },

  // ----------------------------------------------------------------------------------------- tails
  "tail-inside": { about: "A tail that is not at the end.", example: "loss f(x) = (x where x > 0) + 1" },
  "tail-order": { about: "`per` in front of `where`.", example: "loss f(x, w) = x per w where w > 0" },
  "tail-twice": { about: "The same tail twice.", example: "loss f(x) = x where x > 0 where x < 1" },
  "norm-tail": { about: "The weight of a row, written `norm`.", example: "loss f(x, w) = x norm w" },
  "where-function": {
    about: "`where` as a function.",
    example: "loss f(x) = where(x > 0, x, 0)",
  },

  // ---------------------------------------------------------------------------------------- limits
  "too-deep": {
    about: "Expressions inside expressions, beyond the limit.",
    example: `loss f(x) = ${"(".repeat(201)}x${")".repeat(201)}`,
  },
  "too-long": {
    about: "A chain of operations beyond the limit.",
    example: `loss f(x) = x${" + x".repeat(1001)}`,
  },
  "source-too-long": { about: "A text beyond the limit.", example: `loss f(x) = x${" ".repeat(1 << 20)}` },
  "too-many-tokens": {
    about: "More words and signs than the limit.",
    example: `loss f(x) = x${",".repeat(200_001)}`,
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>
