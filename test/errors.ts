// What a function throws, for tests.
import { LossError } from "../src/index.ts"

/** The code of the error that a function throws, or `nothing`. */
export function codeOf(f: () => unknown): string {
  try {
    f()
  } catch (error) {
    if (error instanceof LossError) return error.code
    throw error
  }
  return "nothing"
}
