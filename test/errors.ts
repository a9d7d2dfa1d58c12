// What a function throws, for tests.
import { LossError } from "../src/index.ts"

/** The error with which a promise fails. */
export async function errorOf(promise: Promise<unknown>): Promise<LossError> {
  const error = await promise.then(
    () => new Error("nothing was thrown"),
    (error: unknown) => error,
  )
  if (!(error instanceof LossError)) throw error
  return error
}

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
