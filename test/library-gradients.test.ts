// Generated from the library: the gradient of every loss by every real argument is right.
import { describe, expect, test } from "vitest"
import type { Loss } from "../src/index.ts"
import * as library from "../src/stdlib.ts"
import { gradcheck, type GradcheckOptions } from "../src/testing.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

/**
 * Options that leave room for small inputs, and little work where images must be large or iterations many. The derivative of
 * a transport divergence by a small blur is a difference of terms of costs over its cube, which leaves it 8 digits.
 */
const own: Readonly<Record<string, GradcheckOptions>> = {
  sinkhorn: { static: { nIter: 4 } },
  sinkhornDivergence: { static: { nIter: 3 }, tolerance: 1e-8 },
  ssim: { static: { winSize: 2 }, runs: 3 },
  msSsim3: { static: { winSize: 1 }, sizes: { b: 1, c: 1 }, runs: 2, elements: 2 },
  msSsim: { static: { winSize: 1 }, sizes: { b: 1, c: 1, h: 16, w: 16 }, runs: 1, elements: 2 },
}

describe.each(losses)("$name", (loss) => {
  const passes = (options: GradcheckOptions): void => {
    const { ok, message, checked } = gradcheck(loss, { runs: 8, ...own[loss.name], ...options })
    expect(ok, message).toBe(true)
    expect(checked, "compared derivatives").toBeGreaterThan(0)
  }
  test("agrees with finite differences", () => passes({}))
  test.each(["mean", "none"] as const)("agrees with the complex step, reduced by %s", (reduction) =>
    passes({ method: "complex", reduction }),
  )
})
