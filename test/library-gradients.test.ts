// Generated from the library: the gradient of every loss by every real argument agrees with finite differences.
import { describe, expect, test } from "vitest"
import type { Loss } from "../src/index.ts"
import * as library from "../src/stdlib.ts"
import { gradcheck } from "../src/testing.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

describe.each(losses)("$name", (loss) => {
  test.each(["mean", "none"] as const)("has the right gradients, reduced by %s", (reduction) => {
    const { ok, message, checked } = gradcheck(loss, { reduction, runs: 8 })
    expect(ok, message).toBe(true)
    expect(checked, "compared derivatives").toBeGreaterThan(0)
  })
})
