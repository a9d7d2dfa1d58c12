// Generated from the library: the kernels of every loss are within 8 units of the last place of the exact value.
import { describe, expect, test } from "vitest"
import { goal } from "../bench/accuracy/measure.ts"
import type { Profile } from "../bench/accuracy/points.ts"
import { describe as describeCase, type Kind, survey, type Worst } from "../bench/accuracy/survey.ts"
import { checkedOf, type Loss } from "../src/index.ts"
import * as library from "../src/stdlib.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

/** Parts of the value grid that show most; each loss gets one of them, since `npm run accuracy` does the whole grid. */
const profiles: readonly Profile[] = ["small", "grid", "confident"]

/** Losses that miss the goal, with the reason. A loss that meets it may not stay here. */
const inexact: Readonly<Record<string, string>> = {
  alignmentUniformity: "the logarithm of the distance of two nearly equal unit vectors",
}

/** Losses in which something is beyond the range of doubles at arguments of 1e4, with what it is. */
const overflowing: Readonly<Record<string, string>> = {}

const shown = ({ name, index, ulps, found, exact, at }: Worst): string =>
  `${name}[${index}]: ${ulps} units, ${found} for ${exact}; ${describeCase(at)}`

describe("every loss is within 8 units of the last place", () => {
  test.each(losses.map((loss, i) => ({ loss, profile: profiles[i % 3]! })))(
    "$loss.name, $profile",
    ({ loss, profile }) => {
      const { worst, numbers, overflow } = survey(checkedOf(loss), 1, [profile])
      expect(numbers).toBeGreaterThan(0)
      const bad = (Object.entries(worst) as [Kind, Worst][]).filter(([, { ulps }]) => !(ulps <= goal))
      const said = bad.map(([kind, one]) => `${kind} ${shown(one)}`).join("\n")
      if (loss.name in inexact) expect(said, "no longer inexact").not.toBe("")
      else expect(said).toBe("")
      if (loss.name in overflowing) expect(overflow, "no longer overflowing").toBeDefined()
      else expect(overflow && shown(overflow)).toBeUndefined()
    },
  )
})
