// Generated from the library: the gradient of every loss by every real argument is right.
import { describe, expect, test } from "vitest"
import type { Loss } from "../src/index.ts"
import * as library from "../src/stdlib.ts"
import { gradcheck, type GradcheckOptions } from "../src/testing.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

/** Static options that leave room for small inputs. */
const small: Readonly<Record<string, GradcheckOptions["static"]>> = {
  ssim: { winSize: 2 },
  msSsim3: { winSize: 1 },
  msSsim: { winSize: 1 },
}

describe.each(losses)("$name", (loss) => {
  const passes = (options: GradcheckOptions): void => {
    const fixed = small[loss.name]
    const { ok, message, checked } = gradcheck(loss, { runs: 8, ...(fixed && { static: fixed }), ...options })
    expect(ok, message).toBe(true)
    expect(checked, "compared derivatives").toBeGreaterThan(0)
  }
  test("agrees with finite differences", () => passes({}))
  test.each(["mean", "none"] as const)("agrees with the complex step, reduced by %s", (reduction) =>
    passes({ method: "complex", reduction }),
  )
})
