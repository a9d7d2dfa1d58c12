// A random program and a number -> the loss with arguments to try it on.
import { compileSource } from "../../src/compile.ts"
import type { Loss } from "../../src/loss.ts"
import { readSettings } from "../../src/run/settings.ts"
import { random, type Random } from "../../src/testing/random.ts"
import { findSite, type Site, siteMaker } from "../../src/testing/site.ts"
import type { Reduction } from "../../src/types.ts"

/** A loss, what of it is asked for, and arguments away from its kinks. */
export interface Drawn {
  readonly loss: Loss
  /** All real arguments. */
  readonly grad: readonly string[]
  readonly reduction: Reduction
  readonly site: Site
}

/** Nothing where there are no such arguments, or where the formula as written overflows: the stable one is right there. */
export function drawn(
  text: string,
  at: number,
  sizes: (draw: Random) => Readonly<Record<string, number>>,
): Drawn | undefined {
  const [loss] = compileSource(text)
  const grad = loss!.inputs.filter((input) => input.type === "real").map((input) => input.name)
  const reduction = (["mean", "sum", "none"] as const)[at % 3]!
  const settings = readSettings(loss!, { grad, dtype: "f64", reduction })
  const draw = random(at)
  const site = findSite(loss!, sizes(draw), settings.statics, draw, siteMaker(loss!, settings, draw))
  if (typeof site === "string" || !site.point.trace(undefined, 0).trace.inRange) return undefined
  return { loss: loss!, grad, reduction, site }
}
