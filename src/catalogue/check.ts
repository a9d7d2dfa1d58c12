/** What can be wrong with a text that parses: what each code means, and the smallest program that raises it. */

import type { CatalogueEntry } from "../diagnostics.ts"

/** A code that the checker raises. */
export type CheckCode = keyof typeof checkCatalogue

/** An example that needs more than a text says what. */
export interface CheckEntry extends CatalogueEntry {
  /** Options of a bare expression. */
  readonly params?: Readonly<Record<string, number>>
  /** Other texts, by the path that `use` names. */
  readonly files?: Readonly<Record<string, string>>
  readonly limits?: { readonly nodes: number }
}

/** Every code of the checker. A test checks each example and finds its code and no other. */
export const checkCatalogue = {
  // ------------------------------------------------------------------------------------------ files
  "use-unavailable": {
    about: "A file is used where no files can be read.",
    example: 'use "./mine.loss"\nloss f[b](x) = x',
  },
  "use-failed": {
    about: "A file that is used cannot be read.",
    example: 'use "./missing.loss"\nloss f[b](x) = x',
    files: {},
  },
  "use-cycle": {
    about: "A file uses another that uses it in turn.",
    example: 'use "./a.loss"\nloss f[b](x) = x',
    files: { "./a.loss": 'use "./b.loss"\ndef g(x) = x', "./b.loss": 'use "./a.loss"\ndef h(x) = x' },
  },
  "duplicate-function": {
    about: "Two functions or losses have the same name and take the same number of arguments.",
    example: "def f(x) = x\ndef f(y) = -y\nloss l[b](x) = f(x)",
  },
  "reserved-function": {
    about: "A function takes the name of one that is part of the language.",
    example: "def sum(x) = x\nloss l[b](x) = x",
  },

  // ------------------------------------------------------------------------------------------ names
  "unknown-name": {
    about: "A name is used that no argument, axis or `let` declares.",
    example: "loss f[b](x; margin: real = 1) = relu(x + margn) + margin",
  },
  "unknown-function": {
    about: "A function is called that nothing declares.",
    example: "loss f[b](z: [c]) = sum[c](logSoftmx(z))",
  },
  "unknown-axis": {
    about: "A name is used as an axis that no type and no binder declares.",
    example: "loss f[b](x: [d]) = sum[dd](x)",
  },
  "unknown-argument": {
    about: "A call names an argument that the function does not have.",
    example: "loss f[b](x, y) = huber(x, y, dleta = 2)",
  },
  "unknown-choice": {
    about: "A word is compared with a choice that does not have it.",
    example: 'loss f[b](x; kind: "soft" | "hard" = "soft") = if kind == "sofd" then x else -x',
  },
  "unknown-component": {
    about: "A name behind a point is no component of the value before it.",
    example: "loss f[b](box: [side: (x1, y1, x2, y2)]) = box.x1 + box.z1",
  },
  "component-ambiguous": {
    about: "A component that two axes of a value have.",
    example: "loss f[b](m: [row: (x, y), column: (x, y)]) = m.x.x",
  },
  "component-twice": {
    about: "A name stands twice among the components of an axis.",
    example: "loss f[b](box: [side: (x, x)]) = sum[side](box)",
  },
  "components-differ": {
    about: "Two types of one axis, or a call and a function, name its components differently.",
    example: "loss f[b](u: [side: (x, y)], v: [side: (y, x)]) = dot(u, v)",
  },
  "components-place": {
    about: "Components are named where no type of an argument stands.",
    example: "loss f[b, side: (x, y)](u: [b, side]) = u",
  },
  "name-taken": {
    about: "A name is given to two things where it can mean only one.",
    example: "loss f[b](a: [d], b: [d]) = dot(a, a)",
  },
  "axis-twice": {
    about: "An axis stands twice in one list.",
    example: "loss f[b](x: [d, d]) = sum[d](x)",
  },
  "not-an-axis": {
    about: "A value is used where an axis is wanted.",
    example: "loss f[b](x: [d], y) = sum[y](x) + y",
  },
  "not-a-function": {
    about: "A value or an axis is called like a function.",
    example: "loss f[b](x, y) = x(y) + x + y",
  },
  "function-value": {
    about: "A function is used like a value.",
    example: "loss f[b](x) = x * exp",
  },
  recursion: {
    about: "A function calls itself; functions are inlined.",
    example: "def f(x) = f(x - 1)\nloss l[b](x) = x",
  },

  // ------------------------------------------------------------------------------------------ types
  "bool-number": {
    about: "A bool stands where a number is wanted.",
    example: "loss f[b](x, m: bool) = m * x",
  },
  "not-a-condition": {
    about: "A number stands where a condition is wanted.",
    example: "loss f[b](x, m) = if m then x else 0",
  },
  "comparison-types": {
    about: "A bool is compared with a number.",
    example: "loss f[b](x, m: bool) = if m == 1 then x else 0",
  },
  "branch-types": {
    about: "The branches of an `if`, or the two sides of `??`, are a number and a bool.",
    example: "loss f[b](x, m: bool) = if m then x else m",
  },
  "index-not-integer": {
    about: "A real number stands where an int is wanted.",
    example: "loss f[b](x: [u]) = sum[u](x[u = u / 2])",
  },
  "text-value": {
    about: "A word stands where no choice is compared with it.",
    example: 'loss f[b](x) = if x == "soft" then x else 0',
  },
  "several-values": {
    about: "Several results stand where one value is wanted, or the other way round.",
    example: "loss f[b](x) = let (a, c) = x in a + c",
  },
  "choice-number": {
    about: "A choice is used like a number.",
    example: 'loss f[b](x; kind: "soft" | "hard" = "soft") = x * kind',
  },
  "size-of": {
    about: "`size` is asked about something that is not one axis.",
    example: "loss f[b](x: [d]) = sum(x) / size(x, d)",
  },

  // ------------------------------------------------------------------------------------- arguments
  "argument-count": {
    about: "A call passes more or fewer arguments than a function takes.",
    example: "loss f[b](x, y) = exp(x, y)",
  },
  "argument-twice": {
    about: "A call passes an argument by position and by name.",
    example: "loss f[b](x: [d]) = sum(normalize(x, x = x))",
  },
  "argument-type": {
    about: "An argument of a call has another type than the parameter.",
    example: "loss f[b](z: [c], y) = multiMargin(z, y)",
  },
  "argument-domain": {
    about: "An option of a call is outside of the range that the loss declares.",
    example: "loss f[b](x, y) = huber(x, y, delta = -1)",
  },
  "argument-axes": {
    about: "An argument of a call has other axes than the loss declares.",
    example: "loss f[b](x: [c, d], y: [c, d]) = triplet(x, y, y)",
  },
  "filter-place": {
    about: "A filter stands in a call that is not a reduction.",
    example: "loss f[b](x: [d]) = sum[d](softmax[d if d > 0](x))",
  },
  "no-brackets": {
    about: "An axis in brackets is passed to a function that works along none.",
    example: "loss f[b](x: [d]) = sum[d](exp[d](x))",
  },
  "axis-count": {
    about: "A call names more or fewer axes than the function works along.",
    example: "def f[i, k](x) = sum[i, k](x)\nloss l[b](x: [c, d]) = f(x)",
  },
  "per-dropped": {
    about: "A loss with a divisor of its own is called from another one, which does not use the divisor.",
    example: "loss f[b](z: [c], y: index c) = nll(z, y)",
  },

  // ------------------------------------------------------------------------------------- the header
  "choice-place": {
    about: "A choice is not an option: it stands before `;` or has axes.",
    example: 'loss f[b](x, kind: "soft" | "hard") = if kind == "soft" then x else -x',
  },
  "choice-twice": {
    about: "A choice lists a word twice.",
    example: 'loss f[b](x; kind: "soft" | "soft" = "soft") = if kind == "soft" then x else -x',
  },
  "static-place": {
    about: "`static` stands before an argument that is data.",
    example: "loss f[b](static x) = x",
  },
  "domain-type": {
    about: "A range of numbers is declared for something that is not a number.",
    example: "loss f[b](x, m: bool > 0) = if m then x else 0",
  },
  "domain-bound": {
    about: "A bound of a range depends on data.",
    example: "loss f[b](x, y: real > x) = x + y",
  },
  "domain-twice": {
    about: "A range has two bounds on the same side.",
    example: "loss f[b](x: real > 0 and > 1) = x",
  },
  "domain-empty": {
    about: "No number is in a range.",
    example: "loss f[b](x: real in [0, -1 - 1]) = x",
  },
  "default-type": {
    about: "A default is not of the declared type.",
    example: "loss f[b](x; k: int = 0.5) = x * k",
  },
  "default-value": {
    about: "A default depends on other arguments.",
    example: "loss f[b](x; k: real = x) = x * k",
  },
  "default-domain": {
    about: "A default is outside of the declared range.",
    example: "loss f[b](x; k: real > 0 = 0) = x * k",
  },

  // ------------------------------------------------------------------------------------------ axes
  "axis-left": {
    about: "An axis that is no batch axis is left in the value, or in a tail.",
    example: "loss f[b](x: [d]) = x",
  },
  "batch-missing": {
    about: "The value does not depend on a batch axis: it is one number for several rows.",
    example: "loss f[b](x) = mean[b](x)",
  },
  "nothing-to-reduce": {
    about: "A function without brackets works along own axes, and its argument has none.",
    example: "loss f[...](x, y) = mean((x - y)^2)",
  },
  "own-axes-differ": {
    about: "The arguments of a function without brackets have different own axes.",
    example: "loss f[b](x: [d], y: [e]) = dot(x, y)",
  },
  "one-axis": {
    about: "Several axes stand where only one can.",
    example: "loss f[b](x: [c, d]) = sum(softmax(x))",
  },
  "axis-escapes": {
    about: "The result of a function still has an axis that the function declares itself.",
    example: "def f(x) = x * (let axis i = 0 .. 1 in i)\nloss l[b](x) = f(x)",
  },
  "index-range": {
    about: "One index name is bound with two ranges.",
    example: "loss f[b](x: [d], y: [e]) = sum[j in d](x[d = j]) + sum[j in e](y[e = j])",
  },
  "extent-data": {
    about: "The size of a range depends on data.",
    example: "loss f[b](n: int) = sum[j in n](j) + n",
  },
  "range-negative": {
    about: "A range ends before it begins.",
    example: "loss f[b](x) = sum[j in 3 .. 1](j) * x",
  },
  "no-such-axis": {
    about: "An axis is replaced in an expression that does not have it.",
    example: "loss f[b](x: [d], y: [e]) = sum(y) * sum(x)[e = 0]",
  },

  // ---------------------------------------------------------------------------------------- ranges
  "index-out-of-range": {
    about: "An index may be below the first or beyond the last entry of its axis.",
    example: "loss f[b](x: [t]) = sum[t](x * x[t = t - 1])",
  },
  "label-unguarded": {
    about: "An optional label is used as an index where it may hold a value that is none.",
    example: "loss f[b](z: [c], y: index? c) = -z[c = y]",
  },
  "empty-argmax": {
    about: "The place of the largest entry is used where there may be no entry.",
    example: "loss f[b](z: [c]) = z[c = argmax[c if z > 0](z)]",
  },

  // ----------------------------------------------------------------------------------------- folds
  "fold-state": {
    about: "A step gives another number or kind of values than the states of its fold.",
    example: "loss f[b](x: [t]) = fold[t](a = 0) => (a + x, x)",
  },
  "fold-order": {
    about: "The step of a fold reads a state as it is at another step.",
    example: "loss f[b](x: [t]) = fold[t](a = 0) => x + sum[t](a)",
  },

  // ----------------------------------------------------------------------------------- expressions
  "bare-axes": {
    about: "In a bare expression, one input would have two feature axes.",
    example: "z[c = y] + z[k = x]",
  },
  "too-many-nodes": {
    about: "A loss grows beyond the limit when its functions are inlined.",
    example: "def f(x) = exp(x) * exp(-x)\nloss l[b](x) = f(f(f(f(f(f(f(f(f(f(x))))))))))",
    limits: { nodes: 20 },
  },
  "too-deep": {
    about: "Calls are nested too deep.",
    example:
      Array.from({ length: 102 }, (_, i) => `def f${i}(x) = ${i === 0 ? "x" : `f${i - 1}(x)`}`).join("\n") +
      "\nloss l[b](x) = f101(x)",
  },

  // ------------------------------------------------------------------------------------------ lints
  "max-zero": {
    about: "`max(e, 0)` has the derivative 1/2 at 0, where `relu` has 0 and `clampMin` 1.",
    example: "loss f[b](x, y) = max(1 - x * y, 0)",
  },
  "sqrt-zero": {
    about: "The derivative of a square root is infinite at 0.",
    example: "loss f[b](x) = sqrt(abs(x))",
  },
  "unused-argument": {
    about: "An argument is declared and not used.",
    example: "loss f[b](x, y) = x",
  },
} as const satisfies Readonly<Record<string, CheckEntry>>
