// Finite results of values on the way that are beyond the range of doubles.
import { describe, expect, test } from "vitest"
import { compile } from "../src/index.ts"

/** A loss of one row over numbers, with what it and its gradients are. */
const cases: readonly {
  readonly formula: string
  readonly at: Readonly<Record<string, number>>
  readonly loss: number
  readonly grad: Readonly<Record<string, number>>
}[] = [
  // Of the two ways from the exponential to the loss neither is taken.
  {
    formula: "let r = exp(x) in min(r * a, clamp(r, 0.8, 1.2) * a)",
    at: { x: 1e3, a: 2 },
    loss: 2.4,
    grad: { x: 0, a: 1.2 },
  },
  {
    formula: "let r = exp(x) in relu(2 - r) - relu(r * a)",
    at: { x: 1e3, a: -1 },
    loss: 0,
    grad: { x: 0, a: 0 },
  },
  // The slope of the smaller of two numbers is that of the one alone.
  { formula: "min(exp(x) * a, a)", at: { x: 1e3, a: 2 }, loss: 2, grad: { x: 0, a: 1 } },
  { formula: "max(-exp(x) * a, a)", at: { x: 1e3, a: 2 }, loss: 2, grad: { x: 0, a: 1 } },
  // The square of the exponential is infinite, the products are not.
  {
    formula: "((x - y) * exp(-v / 2))^2 / 2",
    at: { x: 1e-200, y: 0, v: -1000 },
    loss: (1e-200 * Math.exp(500)) ** 2 / 2,
    grad: { x: 1e-200 * Math.exp(500) * Math.exp(500), v: -((1e-200 * Math.exp(500)) ** 2) / 2 },
  },
  // The slope of a power is infinite at 0, times that of the logistic function it is not, however long the product is.
  {
    formula: "a * b * c * d * (1 - t) * (1 - u) * sigmoid(x)^g * softplus(x)",
    at: { x: -2e3, a: 2, b: 2, c: 2, d: 2, t: 0, u: 0, g: 0.5 },
    loss: 0,
    grad: { x: 0 },
  },
  // From the left, where the logarithm is one.
  { formula: "-log1mexp(x)", at: { x: 0 }, loss: Infinity, grad: { x: Infinity } },
  { formula: "-log1mexp(x)", at: { x: -0 }, loss: Infinity, grad: { x: Infinity } },
]

const isNear = (x: number, exact: number): boolean =>
  x === exact || Math.abs(x - exact) <= 1e-14 * Math.abs(exact)

for (const target of ["js", "interpret", "wasm"] as const)
  describe(target, () => {
    test.each(cases)("$formula at $at", ({ formula, at, loss, grad }) => {
      const names = Object.keys(at)
      const made = compile(`loss l[...](${names.join()}) = ${formula}`)
      const kernel = made.kernel({ target, dtype: "f64", reduction: "sum", grad: names })
      const found = kernel(Object.fromEntries(names.map((name) => [name, Float64Array.of(at[name]!)])))
      expect(isNear(found.loss, loss), `${found.loss}`).toBe(true)
      for (const [name, slope] of Object.entries(grad)) {
        const value = found.grad[name]![0]!
        expect(isNear(value, slope), `by ${name}: ${value}`).toBe(true)
      }
    })
  })
