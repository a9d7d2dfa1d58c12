// Random well-typed losses as source text: from the grammar, the types, and the axes that are in scope at each place.
import fc from "fast-check"

type Text = fc.Arbitrary<string>

/** What is in scope: axes besides the batch, and names of `let`s by the axes that they need. */
interface Scope {
  readonly axes: readonly ("d" | "c" | "j")[]
  /** Values with only the batch axis. */
  readonly rows: readonly string[]
  /** Values that also have the class axis. */
  readonly vectors: readonly string[]
  /** Values over pairs, with j. */
  readonly pairs: readonly string[]
  /** Those among the pairs that are bounded products of features. */
  readonly scores: readonly string[]
  readonly functions: readonly string[]
  /** Whether a state of a fold along d is in scope: what is summed over d would read it at another step. */
  readonly folded?: true
  /** Whether it is what a running reduction along d reads at an index i. */
  readonly running?: true
  /** Whether it is the body of a function, whose argument may have any axis. */
  readonly called?: true
}

const plain: Scope = { axes: [], rows: [], vectors: [], pairs: [], scores: [], functions: [] }

/** Functions that every generated loss can call. */
const functions = `def smooth(r, k = 2) = r^2 / (k + abs(r))
def centre[k](r) = r - mean[k](r)
def spread[k](r) = sqrt(0.1 + mean[k](centre[k](r)^2))
`

/** The arguments of every generated loss. Their own axes make types and roles differ. */
const samples = ["x: [d]", "y: [d]", "u", "v: real in [0, 1]", "w: [c]", "t: index c", "m: bool", "k: int"]
const shared = "shared g: [c, d] = 0.5"
const options = ["p: real > 0 = 1.5", "q: real in [0, 1] = 0.25", "h: [c] = 1"]

const memo = new Map<string, Text>()
const kept = (key: string, make: () => Text): Text => {
  let text = memo.get(key)
  if (!text) {
    // The entry is there before it is made: what refers to itself does so through it.
    memo.set(
      key,
      fc.constant("").chain(() => made),
    )
    const made = make()
    text = made
    memo.set(key, text)
  }
  return text
}

const key = (s: Scope): string =>
  [
    s.axes,
    s.rows,
    s.vectors,
    s.pairs,
    s.functions,
    [s.folded && "folded", s.running && "running", s.called && "called"],
  ]
    .map((list) => list.join(","))
    .join("|")

const number: Text = fc.constantFrom("0.5", "1", "2", "0.1", "3", "1e-2", "0.75")

const join = (...parts: readonly (string | Text)[]): Text =>
  fc
    .tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part)))
    .map((all) => all.join(""))

/** Alternatives with weights; the first ones are the simplest, and what failures shrink to. */
const choose = (...alternatives: readonly (readonly [weight: number, text: Text])[]): Text =>
  fc.oneof({ withCrossShrink: true }, ...alternatives.map(([weight, arbitrary]) => ({ weight, arbitrary })))

const within = (s: Scope, axis: "d" | "c" | "j"): Scope =>
  s.axes.includes(axis) ? s : { ...s, axes: [...s.axes, axis] }

/** A number that is known without looking at anything else. */
function leaf(s: Scope): Text {
  const words = [
    "u",
    "v",
    "p",
    "q",
    "w[c = t]",
    "h[c = t]",
    "size(c)",
    "dot[d](x, y)",
    "sqdist[d](x, y)",
    "norm[d](x)",
    ...s.rows,
  ]
  if (s.axes.includes("d")) words.push("x", "y", "x", "y", "g[c = t]")
  if (s.axes.includes("c")) words.push("w", "w", "h", ...s.vectors)
  if (s.axes.includes("c") && s.axes.includes("d")) words.push("g", "g")
  if (s.axes.includes("j"))
    words.push("u[b = j]", "dot[d](x, y[b = j])", "sqdist[d](x, x[b = j])", ...s.pairs)
  if (s.axes.includes("j") && s.axes.includes("d")) words.push("x[b = j]", "y[b = j]")
  if (s.axes.includes("j") && s.axes.includes("c")) words.push("w[b = j]")
  return choose([5, fc.constantFrom(...words)], [1, number])
}

/** A real, as an operand: in parentheses where it is more than a name or a call. */
function real(s: Scope, depth: number): Text {
  if (depth <= 0) return leaf(s)
  return kept(`real ${depth} ${key(s)}`, () => {
    const e = real(s, depth - 1)
    const small = real(s, depth - 2)
    const unary = (name: string): Text => join(`${name}(`, e, ")")
    const alternatives: (readonly [number, Text])[] = [
      [6, leaf(s)],
      [4, join("(", e, fc.constantFrom(" + ", " - "), e, ")")],
      [3, join("(", e, " * ", e, ")")],
      [1, join("(-", e, ")")],
      [1, join("(", e, " / (1 + ", small, "^2))")],
      [1, join("(", e, " / p)")],
      [2, join("(", e, "^", fc.constantFrom("2", "2", "3", "0"), ")")],
      [1, join("((1 + ", e, "^2)^", fc.constantFrom("0.5", "-1", "1.5", "q", "-0.5"), ")")],
      [
        2,
        choose(
          ...["sigmoid", "tanh", "softplus", "sin", "cos", "atan", "erf", "logErfc"].map(
            (name) => [1, unary(name)] as const,
          ),
        ),
      ],
      [2, choose(...["abs", "relu", "sign", "stop"].map((name) => [1, unary(name)] as const))],
      [1, join("exp(-abs(", e, "))")],
      [1, join("log(1 + exp(", e, "))")],
      [1, join("log(sigmoid(", e, "))")],
      [1, join("(exp(0.1 * ", e, ") - 1)")],
      [1, join("sqrt(1 + ", e, "^2)")],
      [1, join("log1p(", e, "^2)")],
      [1, join("log(0.5 + abs(", e, "))")],
      [1, join(fc.constantFrom("max", "min", "logaddexp"), "(", e, ", ", small, ")")],
      [1, join("clamp(", e, ", -1, 1)")],
      [1, join("clampMin(", e, ", q)")],
      [3, join("(if ", condition(s, depth - 1), " then ", e, " else ", small, ")")],
      [1, join("surrogate(", small, ", ", e, ")")],
      [1, join("xlogy(v, 1 + ", e, "^2)")],
      [1, join("indicator(", condition(s, depth - 1), ")")],
      [1, join("smooth(", e, ")")],
      [1, join("smooth(", e, ", k = 1 + ", small, "^2)")],
      [1, join("log1mexp(-0.1 - ", e, "^2)")],
      [1, join("acos(0.9 * tanh(", e, "))")],
      [1, join(fc.constantFrom("lgamma", "digamma"), "(0.5 + ", e, "^2)")],
      [1, join("atan2(", e, ", 1 + ", small, "^2)")],
      [2, reduction(s, depth)],
      [1, gather(s, depth)],
      [1, recurrence(s, depth)],
    ]
    for (const name of s.functions) alternatives.push([2, join(`${name}(`, e, ")")])
    return choose(...alternatives)
  })
}

/** A reduction over an axis that it declares or that an argument has. */
function reduction(s: Scope, depth: number): Text {
  return kept(`reduction ${depth} ${key(s)}`, () => {
    const over = (axis: "d" | "c"): readonly (readonly [number, Text])[] => {
      const inside = within(s, axis)
      const e = real(inside, depth - 1)
      const filter = condition(inside, depth - 2)
      return [
        [3, join(fc.constantFrom("sum", "mean", "logsumexp", "max", "min"), `[${axis}](`, e, ")")],
        [1, join(`sum[${axis} if `, filter, "](", e, ")")],
        [1, join(`prod[${axis}](1 + 0.1 * tanh(`, e, "))")],
        [1, join("(if ", join(`any[${axis}](`, filter, ")"), " then ", real(s, depth - 1), " else 0.5)")],
        [1, join(`count[${axis}](`, filter, ")")],
        [1, join("log(", `sum[${axis}](exp(`, e, ")))")],
      ]
    }
    if (s.folded) return choose(...over("c"))
    const both = real(within(within(s, "c"), "d"), depth - 1)
    const alternatives: (readonly [number, Text])[] = [
      ...over("d"),
      ...over("c"),
      [1, join("sum[c, d](g * ", both, ")")],
      [1, join("mean[c, d if ", condition(within(within(s, "c"), "d"), depth - 2), "](", both, ")")],
      [1, join("spread[d](x + ", real(within(s, "d"), depth - 2), ")")],
      [1, fc.constantFrom("dist[d](x, y)", "cosine[d](x, y)", "sum[d](normalize[d](x) * centre[d](y))")],
    ]
    if (!s.running && !s.called) {
      const e = real({ ...within(s, "d"), running: true }, depth - 1)
      const filter = fc.constantFrom("i <= d", "i < d", "i >= d", "i > d")
      const running = (op: string): Text => join(`${op}[i in d if `, filter, "]((", e, ")[d = i])")
      alternatives.push(
        [1, join("sum[d](y * tanh(", choose([1, running("max")], [1, running("min")]), "))")],
        [1, join("sum[d](y * prod[i in d if ", filter, "]((1 + 0.1 * tanh(", e, "))[d = i]))")],
        [1, join("sum[d](y * softplus(", running("logsumexp"), "))")],
      )
    }
    if (!s.axes.includes("j")) {
      const inside = within(s, "j")
      const e = real(inside, depth - 1)
      alternatives.push(
        [2, join(fc.constantFrom("sum", "mean", "logsumexp"), "[j in b](", e, ")")],
        [1, join("sum[j in b if j != b](", e, ")")],
        [1, join("mean[j in b if ", condition(inside, depth - 2), "](", e, ")")],
        [1, join("softplus(logsumexp[j in b if j != b](", e, "))")],
      )
    }
    return choose(...alternatives)
  })
}

/** An element of something that has a class or feature axis. */
function gather(s: Scope, depth: number): Text {
  return kept(`gather ${depth} ${key(s)}`, () => {
    const classes = real(within(s, "c"), depth - 1)
    const features = s.folded ? fc.constantFrom("x", "y", "u") : real(within(s, "d"), depth - 2)
    return choose(
      [2, join("(w * (1 + ", classes, "))[c = t]")],
      [2, join("logSoftmax[c](w + ", classes, ")[c = t]")],
      [1, join("softmax[c](w * ", classes, ")[c = t]")],
      [1, join("-log(softmax[c](w + ", classes, ")[c = t])").map((text) => `(${text})`)],
      [1, join("sum[d](x * ((y + ", features, ")[d = d + 1] ?? 0))")],
      [1, join("sum[d]((x[d = d - 1] ?? ", features, ") * y)")],
      [1, join("(w * ", classes, ")[c = argmax[c](w)]")],
      [1, join("h[c = argmin[c](w + ", classes, ")]")],
      [1, join("sum[c](h / (1 + c) * (w * ", classes, ")[c = argsort[c](w)])")],
      [1, join("sum[c](w * argsort[c](argsort[c](w + c - ", classes, ")))")],
      [1, join("sum[d if argsort[d](-x) > 0](", features, " * x[d = argsort[d](y - x)])")],
      [1, join("sum[d](x * (g[c = d] ?? ", features, "))")],
      [1, join("(let axis e = 0 .. 2 in sum[e, d]((x[d = d + e - 1] ?? 0) * ", features, "))")],
    )
  })
}

/** Folds and scans along features or a count, their states kept small; the steps see states as they see any value. */
function recurrence(s: Scope, depth: number): Text {
  return kept(`recurrence ${depth} ${key(s)}`, () => {
    const e = real({ ...s, rows: [...s.rows, "r"] }, depth - 1)
    const es = real({ ...within(s, "c"), vectors: [...s.vectors, "r"] }, depth - 1)
    const repeated: (readonly [number, Text])[] = [
      [1, join("(fold[_ in 3](r = u) => 0.3 * r + cos(", e, "))")],
      [1, join("sum[c](w * (fold[_ in 2; grad envelope](r: [c] = h) => tanh(", es, ")))")],
    ]
    // A fold along an axis inside another one along it has nothing of the outer state that could start it.
    if (s.axes.includes("d") || s.called) return choose(...repeated)
    const start = real({ ...s, axes: s.axes.filter((a) => a !== "c"), vectors: [] }, depth - 2)
    const inside: Scope = { ...within(s, "d"), functions: [], folded: true }
    const scalar = { ...inside, rows: [...s.rows, "r", "r", "r"] }
    const vector = { ...within(inside, "c"), vectors: [...s.vectors, "r", "r", "r"] }
    const step = join("0.5 * r + tanh(", real(scalar, depth - 1), ")")
    const steps = join("0.5 * r + tanh(", real(vector, depth - 1), ")")
    const filter = condition(within(s, "d"), depth - 2)
    const shifted = [" - 0.3 * (r[c = c - 1] ?? u)", " + 0.2 * mean[c](r)", " + 0.1 * logsumexp[c](r)"]
    const vectors = join(steps, fc.constantFrom("", ...shifted))
    const pair = filter.map((c) => `n / 2 + indicator(${c}) * r`)
    return choose(
      ...repeated,
      [2, join("(fold[d](r = ", start, ") => ", step, ")")],
      [2, join("sum[d](x * (scan[d](r = ", start, ") => ", step, "))")],
      [1, join("(fold[d if ", filter, "](r = ", start, ") => ", step, ")")],
      [2, join("sum[c](h * (fold[d](r: [c] = w) => ", vectors, "))")],
      [1, join("sum[d, c](g * (scan[d if ", filter, "](r: [c] = ", start, ") => ", vectors, "))")],
      [1, join("(let (r, n) = (fold[d](r = ", start, ", n = 1) => (n - ", step, ", ", pair, ")) in r * n)")],
    )
  })
}

/** What contrastive losses do with tables over pairs: several of them, read along rows, along columns and on the diagonal. */
function contrast(pairs: readonly string[]): Text {
  const table = fc
    .tuple(fc.constantFrom(...pairs), fc.boolean())
    .map(([name, across]) => (across ? `${name}[b = j, j = b]` : name))
  const one = choose(
    [2, join("logsumexp[j in b if j != b](", table, ")")],
    [2, join("logsumexp[j in b](", table, ")")],
    [
      1,
      join(
        fc.constantFrom("sum", "mean", "max"),
        "[j in b if ",
        fc.constantFrom("j != b", "k[b = j] == k", "j < b"),
        "](0.1 * ",
        table,
        ")",
      ).map((text) => `softplus(${text})`),
    ],
  )
  const two = choose([2, one], [2, join("logaddexp(", one, ", ", one, ")")])
  return join(
    "(",
    two,
    fc.constantFrom(" + ", " - "),
    choose([2, two], [1, fc.constantFrom(...pairs).map((name) => `${name}[j = b]`)]),
    ")",
  )
}

/** A condition, as an operand. */
function condition(s: Scope, depth: number): Text {
  const words = ["m", "k == 1", "k > 0", "t == 0"]
  if (s.axes.includes("c")) words.push("c == t", "c != t", "c < t")
  if (s.axes.includes("d")) words.push("d > 0")
  if (s.axes.includes("j")) words.push("j != b", "j == b", "k[b = j] == k", "t[b = j] == t", "j < b")
  const simple = fc.constantFrom(...words.map((word) => `(${word})`))
  if (depth <= 0) return simple
  return kept(`condition ${depth} ${key(s)}`, () => {
    const c = condition(s, depth - 1)
    const e = real(s, depth - 1)
    return choose(
      [4, simple],
      [3, join("(", e, fc.constantFrom(" < ", " > ", " <= ", " >= "), e, ")")],
      [1, join("(", c, fc.constantFrom(" and ", " or "), c, ")")],
      [1, join("(not ", c, ")")],
    )
  })
}

/** The `let`s at the head, and what is in scope after them. */
const heads: fc.Arbitrary<{ readonly text: string; readonly scope: Scope }> = fc
  .array(fc.constantFrom("row", "vector", "pair", "score", "function"), { minLength: 0, maxLength: 4 })
  .chain((kinds) => {
    let scope = plain
    const bindings: Text[] = []
    kinds.forEach((kind, i) => {
      if (kind === "row") {
        bindings.push(join(`a${i} = `, real(scope, 2)))
        scope = { ...scope, rows: [...scope.rows, `a${i}`] }
      } else if (kind === "vector") {
        bindings.push(join(`z${i} = w + `, real(within(scope, "c"), 2)))
        scope = { ...scope, vectors: [...scope.vectors, `z${i}`] }
      } else if (kind === "pair") {
        bindings.push(join(`s${i}[j in b] = dot[d](x, y[b = j]) + `, real(within(scope, "j"), 2)))
        scope = { ...scope, pairs: [...scope.pairs, `s${i}`], scores: [...scope.scores, `s${i}`] }
      } else {
        bindings.push(
          join(
            `f${i}(r) = `,
            real({ ...scope, rows: [...scope.rows, "r", "r", "r"], called: true }, 2),
            " * r",
          ),
        )
        scope = { ...scope, functions: [...scope.functions, `f${i}`] }
      }
    })
    return fc
      .tuple(...bindings)
      .map((all) => ({ text: all.length > 0 ? `let ${all.join(",\n      ")} in\n  ` : "", scope }))
  })

/** A whole loss. One in five has no batch axes and reduces over b itself. */
export const programs: fc.Arbitrary<string> = heads.chain(({ text, scope }) =>
  fc
    .record({
      body:
        scope.scores.length > 0 ? choose([2, real(scope, 4)], [2, contrast(scope.scores)]) : real(scope, 4),
      where: fc.option(condition(scope, 2), { freq: 4 }),
      per: fc.option(join("(0.5 + ", real(scope, 1), "^2)"), { freq: 5 }),
      whole: fc.nat(4).map((n) => n === 4),
    })
    .map(({ body, where, per, whole }) => {
      if (whole) {
        const batched = samples.map((one) => {
          const [, name, type] = /^(\w+)(.*)$/.exec(one)!
          if (type === "") return `${name}: [b]`
          return type!.startsWith(": [") ? `${name}: [b, ${type!.slice(3)}` : `${name}: [b] ${type!.slice(2)}`
        })
        return `${functions}loss random(${[...batched, shared].join(", ")}; ${options.join(", ")}) =\n  ${text}mean[b](${body} + 0.1 * u)`
      }
      const tails = (where === null ? "" : `\n  where ${where}`) + (per === null ? "" : `\n  per ${per}`)
      return `${functions}loss random[b](${[...samples, shared].join(", ")}; ${options.join(", ")}) =\n  ${text}${body} + 0.1 * u${tails}`
    }),
)
