// A body that is too large for a function of JavaScript -> which of its loops become functions.
import { flatMap } from "../lists.ts"
import type { Stmt } from "../loops.ts"
import { type Loop, weight } from "../unroll/facts.ts"

/**
 * Most statements of a function, of 16 to 25 bytes of bytecode each. V8 leaves a function of more than 60 kB unoptimised, which is 20
 * times slower, and is in no hurry with those below: of half that size the first call takes half the time.
 */
export const LARGEST = 1000

/** Loops without which a function is not too large: the largest that are not too large themselves, for each costs a call. */
export function partsOf(body: readonly Stmt[]): ReadonlySet<Loop> {
  const parts = new Set<Loop>()
  let left = weight(body)
  if (left <= LARGEST) return parts
  for (const { loop, size } of sized(body).sort((x, y) => y.size - x.size)) {
    if (left <= LARGEST) break
    parts.add(loop)
    left -= size
  }
  return parts
}

function sized(body: readonly Stmt[]): { readonly loop: Loop; readonly size: number }[] {
  return flatMap(body, (s) => {
    if (s.kind === "if") return [...sized(s.then), ...sized(s.else)]
    if (s.kind !== "for") return []
    const size = weight([s])
    return size > LARGEST ? sized(s.body) : [{ loop: s, size }]
  })
}
