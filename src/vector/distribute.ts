// An innermost loop that needs more numbers than there are registers -> several loops over the same indices, each with fewer.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { Copier } from "../unroll/copy.ts"
import { type Loop, type Numbers, definedIn, writtenIn } from "../unroll/facts.ts"
import { operandsOf } from "../walk.ts"

/** Values from outside that are in registers besides those of the loop itself: more than that are read from memory each time. */
const KEPT = 8
/** So many may be read from memory before a loop is worth two. */
const SPARE = 4

/** Statements that have to stand in one loop. */
interface Part {
  readonly members: Set<Stmt>
  readonly outside: Set<number>
  readonly loads: Set<Stmt>
}

/** The loops, or the one that was given. */
export function distribute(s: Loop, numbers: Numbers): readonly Loop[] {
  const parts = partsOf(s)
  if (!parts || sizeOf(parts) <= KEPT + SPARE) return [s]
  const groups: Part[] = []
  for (const part of parts) {
    // With the loop that reads most of the same elements.
    const [best] = groups
      .filter((x) => shared(x.loads, part.loads) > 0 && sizeOf([x, part]) <= KEPT)
      .sort((x, y) => shared(y.loads, part.loads) - shared(x.loads, part.loads))
    if (best) add(best, part)
    else groups.push(part)
  }
  if (groups.length < 2) return [s]
  return groups.map(({ members }): Loop => {
    const copier = new Copier(numbers, writtenIn(s.body))
    copier.copy([{ ...s, body: s.body.filter((x) => members.has(x)) }])
    return copier.out[0] as Loop
  })
}

const sizeOf = (parts: readonly Part[]): number => new Set(parts.flatMap(({ outside }) => [...outside])).size
const shared = (x: ReadonlySet<Stmt>, y: ReadonlySet<Stmt>): number => [...x].filter((s) => y.has(s)).length

function add(to: Part, from: Part): void {
  from.members.forEach((s) => to.members.add(s))
  from.outside.forEach((id) => to.outside.add(id))
  from.loads.forEach((s) => to.loads.add(s))
}

/** Each store and each sum with what it is made of; those that share more than loads and places together. */
function partsOf({ id, body }: Loop): readonly Part[] | undefined {
  const written = writtenIn(body)
  const own = definedIn(body)
  const plain = new Set(body.flatMap((s) => (s.kind === "store" && !s.accumulate ? [s.buffer] : [])))
  /** What a statement changes in a way that keeps its order; what is added may be added in any. */
  const target = (s: Stmt): Buffer | number | undefined => {
    if (s.kind === "update") return s.acc
    return s.kind === "store" && plain.has(s.buffer) ? s.buffer : undefined
  }
  const makers = new Map<number, Stmt>()
  const parts: Part[] = []
  for (const s of body) {
    if (s.kind === "let" || s.kind === "load") {
      if (s.kind === "load" && written.has(s.buffer)) return undefined
      makers.set(s.id, s)
      continue
    }
    if (s.kind !== "store" && s.kind !== "update") return undefined
    const part: Part = { members: new Set([s]), outside: new Set(), loads: new Set() }
    const follow = (x: Operand, isValue: boolean): void => {
      if (x.kind === "number" || x.id === id) return
      const maker = makers.get(x.id)
      if (!own.has(x.id)) {
        if (isValue) part.outside.add(x.id)
        return
      }
      // An accumulator that is read.
      if (!maker) return
      if (part.members.has(maker)) return
      part.members.add(maker)
      if (maker.kind === "load") part.loads.add(maker)
      const isNumber = maker.kind === "let" && maker.type === "real"
      for (const y of operandsOf(maker)) follow(y, isNumber)
    }
    if (s.kind === "store") follow(s.at, false)
    follow(s.value, true)
    const related = parts.filter(
      (x) =>
        [...part.members].some((m) => m.kind === "let" && m.type === "real" && x.members.has(m)) ||
        [...x.members].some((m) => target(m) !== undefined && target(m) === target(s)),
    )
    for (const x of related) {
      add(part, x)
      parts.splice(parts.indexOf(x), 1)
    }
    parts.push(part)
  }
  return parts
}
