// Outermost loops -> the same in chunks, each chunk a loop inside a loop with a step.
import { flatMap } from "../lists.ts"
import type { Operand, Stmt } from "../loops.ts"
import { Copier } from "./copy.ts"
import {
  type Loop,
  type Numbers,
  definedIn,
  hasLoop,
  literal,
  loopsIn,
  sameOperand,
  valueOf,
} from "./facts.ts"

/** Elements of a chunk, and the fewest rows. */
const ELEMENTS = 4096
const ROWS = 8
/** How much shorter the first chunk is than the last, so that a loop function has been left a few times before it runs for long. */
const GROWTH = 64
/** Loops of fewer iterations are not worth a function. */
const FEWEST = 16

/** Cuts the outermost loops of a block. Loops of few iterations that are known beforehand stay as they are. */
export function chunk(body: readonly Stmt[], numbers: Numbers): Stmt[] {
  return flatMap(body, (s): Stmt[] => {
    if (s.kind === "if") return [{ ...s, then: chunk(s.then, numbers), else: chunk(s.else, numbers) }]
    if (s.kind !== "for") return [s]
    const known = s.from.kind === "number" && s.to.kind === "number" ? s.to.value - s.from.value : Infinity
    return known < FEWEST && !hasLoop(s.body) ? [s] : cut(s, numbers)
  })
}

function cut(s: Loop, numbers: Numbers): Stmt[] {
  const before = new Copier(numbers, new Set())
  const step = rows(s, before)
  const first = before.int("max", before.int("idiv", step, literal(GROWTH)), literal(1))
  const id = numbers.value()
  const size = numbers.value()
  const inside = new Copier(numbers, new Set())
  // In this order nothing exceeds the end of the loop, so 32 bits suffice.
  const to = inside.int(
    "add",
    valueOf(id),
    inside.int("min", inside.int("sub", s.to, valueOf(id)), valueOf(size)),
  )
  const body: Stmt[] = [...inside.out, { ...s, from: valueOf(id), to }]
  return [
    ...before.out,
    { kind: "for", id, from: s.from, to: s.to, step, growing: { id: size, first }, body, axis: s.axis },
  ]
}

/** How many iterations make a chunk: as many as have about as many elements as one chunk of a plain loop, at least eight. */
function rows(s: Loop, before: Copier): Operand {
  const inner = loopsIn(s.body)
  if (inner.length === 0) return literal(ELEMENTS)
  const own = definedIn([s])
  const lengths: Operand[] = []
  for (const { to } of inner) {
    if (to.kind === "value" && own.has(to.id)) return literal(ROWS)
    if (!lengths.some((x) => sameOperand(x, to))) lengths.push(to)
  }
  const longest = lengths.reduce((x, y) => before.int("max", x, y), literal(1))
  return before.int("max", before.int("idiv", literal(ELEMENTS), longest), literal(ROWS))
}
