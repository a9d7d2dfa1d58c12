// A plan and a seed -> arguments of a call.
import type { InputValue } from "../run/given.ts"
import { inner, type Elements, type PlannedInput } from "./plan.ts"
import type { Random } from "./random.ts"

/** Arguments by name. */
export type Inputs = Readonly<Record<string, InputValue>>

/** Draws arguments: reals away from the ends of their domains, sentinels now and then where they are allowed. */
export function drawInputs(plan: readonly PlannedInput[], random: Random, sentinels: boolean): Inputs {
  const out: [string, InputValue][] = []
  for (const { name, shape, elements, optional } of plan) {
    // What has a default is left out in one call of three.
    if (optional && random.chance(1 / 3)) continue
    if (!shape)
      out.push([name, elements.kind === "bool" ? random.chance(0.5) : drawOne(elements, random, false)])
    else {
      const length = shape.reduce((total, size) => total * size, 1)
      const list = Array.from({ length }, () => drawOne(elements, random, sentinels))
      const data =
        elements.kind === "real"
          ? Float64Array.from(list)
          : elements.kind === "bool"
            ? Uint8Array.from(list)
            : Int32Array.from(list)
      out.push([name, { data, shape }])
    }
  }
  return Object.fromEntries(out)
}

function drawOne(elements: Elements, random: Random, sentinels: boolean): number {
  if (elements.kind === "bool") return +random.chance(0.5)
  if (elements.kind === "int") {
    if (sentinels && elements.sentinels.length > 0 && random.chance(0.2))
      return elements.sentinels[random.int(0, elements.sentinels.length - 1)]!
    return random.int(elements.low, elements.high)
  }
  const [low, high] = inner(elements)
  const value = random.real(low, high)
  return value === elements.not ? high : value
}
