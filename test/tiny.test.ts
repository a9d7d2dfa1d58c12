// Confident predictions: losses and gradients far below the rounding of their logits keep their relative accuracy.
import { describe, expect, test } from "vitest"
import { compile } from "../src/index.ts"
import {
  crossEntropy,
  crossEntropyProbs,
  jsd,
  negativeBinomialNll,
  proxyAnchor,
  studentTNll,
} from "../src/stdlib.ts"
import { random } from "./emit.data.ts"

const close = (value: number, exact: number): void =>
  expect(Math.abs(value - exact), `${value} against ${exact}`).toBeLessThanOrEqual(1e-14 * exact)

for (const target of ["js", "interpret"] as const)
  describe(target, () => {
    // With two logits the loss is log(1 + exp(-gap)) and both gradients are sigmoid(-gap).
    for (const gap of [20, 40, 300])
      for (const offset of [0, 1e4])
        test(`cross-entropy at a gap of ${gap} and an offset of ${offset}`, () => {
          const kernel = crossEntropy.kernel({ target, dtype: "f64", grad: ["logits"] })
          const logits = Float64Array.of(offset, offset - gap)
          const { loss, grad } = kernel({
            logits: { data: logits, shape: [1, 2] },
            target: Int32Array.of(0),
          })
          close(loss, Math.log1p(Math.exp(-gap)))
          const exact = Math.exp(-gap) / (1 + Math.exp(-gap))
          close(-grad.logits[0]!, exact)
          close(grad.logits[1]!, exact)
        })

    // The derivative is sigmoid(x - y), whatever the value rounds to.
    for (const offset of [0, -1e4, 1e4])
      test(`the sum of two exponentials at an offset of ${offset}`, () => {
        const loss = compile("loss f[b](x, y) = log(exp(x) + exp(y))")
        const { grad } = loss.kernel({ target, dtype: "f64", grad: ["x", "y"] })({
          x: Float64Array.of(offset + 0.25),
          y: Float64Array.of(offset - 0.5),
        })
        close(grad["x"]![0]!, 1 / (1 + Math.exp(-0.75)))
        close(grad["y"]![0]!, 1 / (1 + Math.exp(0.75)))
      })

    test("probability targets", () => {
      const kernel = crossEntropyProbs.kernel({ target, dtype: "f64" })
      const logits = { data: Float64Array.of(40, 0), shape: [1, 2] }
      const { loss } = kernel({ logits, target: { data: Float64Array.of(1, 0), shape: [1, 2] } })
      close(loss, Math.log1p(Math.exp(-40)))
    })

    // As alpha goes to 0 the likelihood becomes that of Poisson, and its slope by alpha (y - (mu - y)^2) / 2, both but for
    // terms of the size of alpha. As differences of lgamma and digamma at 1 / alpha they would have no digits.
    test.each([1e-8, 1e-12, 1e-100])("the negative binomial likelihood for alpha = %s", (alpha) => {
      const kernel = negativeBinomialNll.kernel({ target, dtype: "f64", grad: ["mu", "alpha"] })
      const [mu, y] = [2.5, 4]
      const { loss, grad } = kernel({
        mu: Float64Array.of(mu),
        alpha: Float64Array.of(alpha),
        target: Float64Array.of(y),
      })
      const near = (value: number, exact: number): void =>
        expect(Math.abs(value - exact), `${value} against ${exact}`).toBeLessThanOrEqual(20 * alpha + 1e-14)
      near(loss, mu - y * Math.log(mu) + Math.log(24))
      near(grad.mu[0]!, 1 - y / mu)
      near(grad.alpha[0]!, (y - (mu - y) ** 2) / 2)
    })

    test.each([1e8, 1e12, 1e100])("Student's t with %s degrees of freedom", (df) => {
      const kernel = studentTNll.kernel({ target, dtype: "f64", grad: ["df"] })
      const one = (x: number): Float64Array => Float64Array.of(x)
      const { loss, grad } = kernel({ loc: one(0), scale: one(1), target: one(1.5), df: one(df) })
      expect(Math.abs(loss - Math.log(2 * Math.PI) / 2 - 1.5 ** 2 / 2)).toBeLessThanOrEqual(20 / df + 1e-14)
      // The slope goes as 1 / df^2, of which the terms of 1 / df cancel.
      const slope = (1.5 ** 4 / 4 - 1.5 ** 2 / 2 - 1 / 4) / df / df
      expect(Math.abs(grad.df[0]! - slope)).toBeLessThanOrEqual(1e-15 / df)
    })

    // The derivative of p^gamma by gamma is p^gamma log(p). With p = sigmoid(40) that is -exp(-40) but for terms of its square.
    test.each([
      "sigmoid(x)^gamma",
      "(1 - sigmoid(-x))^gamma",
      "(t * sigmoid(-x) + (1 - t) * sigmoid(x))^gamma",
      "(1 - (t * sigmoid(x) + (1 - t) * sigmoid(-x)))^gamma",
      "relu(sigmoid(x) - t)^gamma",
      "abs(t - sigmoid(x))^gamma",
      "(1 / (exp(-x) + 1))^gamma",
    ])("%s by its exponent", (formula) => {
      const loss = compile(`loss l[...](x, t; gamma: real = 1) = ${formula}`)
      const kernel = loss.kernel({ target, dtype: "f64", reduction: "sum", grad: ["gamma"] })
      const { grad } = kernel({ x: Float64Array.of(40), t: Float64Array.of(0), gamma: 1 })
      close(-grad.gamma![0]!, Math.exp(-40))
    })

    test.each(["sigmoid(x)^gamma", "sigmoid(x)^0.25", "sqrt(sigmoid(x))"])(
      "%s where the power is 0",
      (formula) => {
        const loss = compile(`loss l[...](x; gamma: real = 0.25) = ${formula}`)
        const kernel = loss.kernel({ target, dtype: "f64", reduction: "sum", grad: ["x"] })
        expect(kernel({ x: Float64Array.of(-10000) }).grad.x).toEqual(Float64Array.of(0))
      },
    )

    // The derivative is (1 - beta) exp(x) (x - log m), m the mixture: nothing in it is as large as exp(10000).
    test("the Jensen-Shannon divergence by a small score beside one that no exponential holds", () => {
      const kernel = jsd.kernel({ target, dtype: "f64", grad: ["input"] })
      const [input, other] = [Float64Array.of(0), Float64Array.of(1e4)]
      const { grad } = kernel({
        input: { data: input, shape: [1, 1] },
        target: { data: other, shape: [1, 1] },
      })
      close(-grad.input[0]!, (1e4 - Math.LN2) / 2)
    })

    test.each([1e-9, 1e-4, 0.5])("the angle of [1, 0] and [1, %s], and of the opposite", (tangent) => {
      const kernel = compile("loss l[b](x: [d], y: [d]) = angle(x, y)").kernel({
        target,
        dtype: "f64",
        grad: ["y"],
      })
      for (const side of [1, -1]) {
        const [x, y] = [Float64Array.of(1, 0), Float64Array.of(side, tangent)]
        const { loss, grad } = kernel({ x: { data: x, shape: [1, 2] }, y: { data: y, shape: [1, 2] } })
        close(loss, Math.atan2(tangent, side))
        const square = 1 + tangent ** 2
        close(-grad.y![0]!, tangent / square)
        close(side * grad.y![1]!, 1 / square)
      }
    })

    test("an angle of vectors of one element has no derivative at all", () => {
      const loss = compile("loss l[b](x: [d], y: [d]) = angle(x, y)")
      const kernel = loss.kernel({ target, dtype: "f64", reduction: "none", grad: ["x", "y"] })
      const data = Float64Array.of(2.966744940028466, 41.979960020372566, 49, 3)
      const other = Float64Array.of(-1.4867719642746133, -1.4985908724117705, 0.8, 3)
      const { loss: angles, grad } = kernel({ x: { data, shape: [4, 1] }, y: { data: other, shape: [4, 1] } })
      expect([...angles]).toEqual([Math.PI, Math.PI, 0, 0])
      for (const slope of [...grad.x, ...grad.y]) expect(Math.abs(slope)).toBe(0)
    })

    test("an angle of equal vectors has derivative 0, one with a vector of length 0 is right", () => {
      const kernel = compile("loss l[b](x: [d], y: [d]) = angle(x, y)").kernel({
        target,
        dtype: "f64",
        reduction: "none",
        grad: ["x"],
      })
      const x = { data: Float64Array.of(3, 4, 0, 0, 0, 0), shape: [3, 2] }
      const y = { data: Float64Array.of(3, 4, 3, 4, 0, 0), shape: [3, 2] }
      const { loss, grad } = kernel({ x, y })
      expect(Array.from(loss)).toEqual([0, Math.PI / 2, Math.PI / 2])
      expect(Array.from(grad.x!, (g) => g + 0).slice(0, 2)).toEqual([0, 0])
    })

    test("a softmax over nothing adds nothing", () => {
      const loss = compile(
        "loss l[b](x) = let s[j in b] = x[b = j] in sum[j if j != b](exp(s - logsumexp[j if j != b](s)))",
      )
      const kernel = loss.kernel({ target, dtype: "f64", grad: ["x"] })
      expect(kernel({ x: Float64Array.of(3) }).loss).toBe(0)
      expect(kernel({ x: Float64Array.of(3, 5) }).loss).toBe(1)
    })

    test("a maximum that is computed again and rounds differently counts once", () => {
      const kernel = proxyAnchor.kernel({ target, dtype: "f64" })
      const next = random(3)
      for (let turn = 0; turn < 40; turn++) {
        const draw = (length: number): Float64Array => Float64Array.from({ length }, () => next() * 4 - 2)
        const [x, p] = [draw(3), draw(6)]
        const { loss } = kernel({
          embeddings: { data: x, shape: [1, 3] },
          labels: Int32Array.of(turn % 2),
          proxies: { data: p, shape: [2, 3] },
        })
        const cosine = (at: number): number => {
          const row = p.subarray(3 * at, 3 * at + 3)
          return row.reduce((sum, y, i) => sum + x[i]! * y, 0) / Math.hypot(...row) / Math.hypot(...x)
        }
        const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)))
        const own = softplus(-32 * (cosine(turn % 2) - 0.1))
        const other = softplus(32 * (cosine(1 - (turn % 2)) + 0.1)) / 2
        expect(Math.abs(loss - own - other)).toBeLessThanOrEqual(1e-12 * Math.max(1, loss))
      }
    })
  })
