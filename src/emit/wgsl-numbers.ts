// Numbers -> WGSL literals.
import type { ScalarType } from "../types.ts"

const MOST_F32 = 3.4028234663852886e38
const LEAST_NORMAL = 2 ** -126
const MOST_I32 = 2147483647

/**
 * A literal of a type. A shader may hold no constant outside f32: larger ones are infinite, which a uniform holds, and those
 * too small for a normal number are 0. Ints beyond 32 bits are the nearest that have them.
 */
export function wgslNumber(value: number, type: ScalarType): string {
  if (type === "bool") return value !== 0 ? "true" : "false"
  if (type === "int") {
    if (value <= -MOST_I32 - 1) return `(-${MOST_I32} - 1)`
    return String(Math.min(value, MOST_I32))
  }
  if (Number.isNaN(value)) return "(u.infinity - u.infinity)"
  const short = Math.fround(value)
  if (Math.abs(short) > MOST_F32) return value > 0 ? "u.infinity" : "(-u.infinity)"
  // The decimal of the largest number is out of range for some compilers.
  if (Math.abs(short) === MOST_F32) return value > 0 ? "0x1.fffffep+127f" : "(-0x1.fffffep+127f)"
  if (Math.abs(short) < LEAST_NORMAL) return "0.0f"
  const text = shortest(short)
  return `${text}${/[.e]/.test(text) ? "" : ".0"}f`
}

/** The shortest decimal that is nearest to a number of f32. */
function shortest(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === value) return String(Number(text))
  }
  return String(Number(value.toPrecision(9)))
}
