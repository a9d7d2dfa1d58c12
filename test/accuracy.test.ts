// Generated from the library: the kernels of every loss are within 8 units of the last place of the exact value.
import { describe, expect, test } from "vitest"
import { goal } from "../bench/accuracy/measure.ts"
import type { Profile } from "../bench/accuracy/points.ts"
import { describe as describeCase, type Kind, survey, type Worst } from "../bench/accuracy/survey.ts"
import { checkedOf, type Loss } from "../src/index.ts"
import * as library from "../src/stdlib.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

/** A part of the value grid: what is most likely to show a formula that loses digits. */
const profiles: readonly Profile[] = ["grid", "confident", "small"]

/** Losses that miss the goal, with the reason. A loss that meets it may not stay here. */
const inexact: Readonly<Record<string, string>> = {}

/** Losses in which something is beyond the range of doubles at arguments of 1e4, with what it is. */
const overflowing: Readonly<Record<string, string>> = {
  jsd: "exp of a log-probability of 745",
  ppoClip: "exp(logp - oldLogp) above 709, times an advantage of 0",
}

const shown = ({ name, index, ulps, found, exact, at }: Worst): string =>
  `${name}[${index}]: ${ulps} units, ${found} for ${exact}; ${describeCase(at)}`

describe("every loss is within 8 units of the last place", () => {
  test.each(losses)("$name", (loss) => {
    const { worst, numbers, overflow } = survey(checkedOf(loss), 1, profiles)
    expect(numbers).toBeGreaterThan(0)
    const bad = (Object.entries(worst) as [Kind, Worst][]).filter(([, { ulps }]) => !(ulps <= goal))
    const said = bad.map(([kind, one]) => `${kind} ${shown(one)}`).join("\n")
    if (loss.name in inexact) expect(said, "no longer inexact").not.toBe("")
    else expect(said).toBe("")
    if (loss.name in overflowing) expect(overflow, "no longer overflowing").toBeDefined()
    else expect(overflow && shown(overflow)).toBeUndefined()
  })
})
