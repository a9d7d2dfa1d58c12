// Arguments of generated tests in f32, which kernels over f32 read as they are.
import type { InputValue, Loss } from "../src/index.ts"

/** The same arguments with arrays of f32. */
export function inSingles(
  loss: Loss,
  given: Readonly<Record<string, InputValue>>,
): Record<string, InputValue> {
  const out = { ...given }
  for (const { name, type } of loss.inputs) {
    const value = given[name]
    if (type === "real" && typeof value === "object" && "data" in value)
      out[name] = { ...value, data: Float32Array.from(value.data as Float64Array) }
  }
  return out
}
