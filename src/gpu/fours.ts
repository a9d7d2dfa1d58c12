// Loops over rows -> the same four iterations at a time where these are neighbours in memory, so that arrays are read and written
// in vectors of four.
//
// Vectors start at multiples of four elements: a loop is taken so that its length divides all else in the places along which it
// goes, and the host takes what is made here where that length is a multiple of four. What goes along a whole array may leave the
// last elements to threads that take one each.
import { hasOwnElements } from "../blocks.ts"
import { Places } from "../blocks/places.ts"
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { type Loop, Numbers, isElementary, literal, sameOperand, weight, writtenIn } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"
import { Jam, Varying } from "./jam.ts"
import { type Plan, type Rows, dealtIn } from "./plan.ts"
import { type Strip, stripsIn } from "./strips.ts"

const FOUR = 4
/**
 * Work of an iteration, in statements, beyond which copies of it would need more registers than there are, would take a compiler
 * long, and would gain nothing: what computes much does not wait for memory.
 */
const MOST_WORK = 150
/** What an elementary function counts for: they are inlined. */
const ELEMENTARY = 25

const work = (s: Stmt): number => (isElementary(s) ? ELEMENTARY : 1)

type Fill = Extract<Stmt, { kind: "fill" }>

/** A loop over rows with vectors in it. */
export interface Fours {
  readonly loop: Loop
  /** Whether iterations of the loop itself are taken together, not those of loops inside. */
  readonly isFlat: boolean
  /** Whether what is beyond a multiple of four may be left to another entry point. */
  readonly leavesRest: boolean
  /** Lengths that must be multiples of four, or long enough if a rest may be left. */
  readonly lengths: readonly Operand[]
  /** Arrays that are read and written in vectors. */
  readonly arrays: ReadonlySet<Buffer>
  /** Loads or stores of neighbours by the first, which they follow, as one vector. */
  readonly together: ReadonlyMap<Stmt, readonly Stmt[]>
  /** What is set in vectors. */
  readonly fills: ReadonlySet<Fill>
}

/** What can be taken in fours: loads of the arrays of the caller, which `isBound` tells, in the steps of a plan. */
export function foursOf(
  plan: Plan,
  kernel: Kernel,
  strips: ReadonlyMap<Loop, Strip>,
  isBound: (buffer: Buffer) => boolean,
): ReadonlyMap<Rows, Fours> {
  const taking = new Taking(kernel, strips, isBound)
  const out = new Map<Rows, Fours>()
  for (const step of plan.steps) {
    const fours = step.kind === "rows" ? taking.of(step.loop) : undefined
    if (fours && step.kind === "rows") out.set(step, fours)
  }
  return out
}

/** A loop that may be taken in fours. */
interface Candidate {
  readonly loop: Loop
  readonly taken: Loop
  /** Loads and stores of neighbours. */
  readonly together: readonly (readonly Stmt[])[]
}

const placeOf = (s: Stmt): Operand => (s as Extract<Stmt, { kind: "load" | "store" }>).at
const bufferOf = (s: Stmt): Buffer => (s as Extract<Stmt, { kind: "load" | "store" | "fill" }>).buffer

/** Takes loops of one kernel in fours. */
class Taking {
  private readonly kernel: Kernel
  private readonly places: Places
  private readonly numbers: Numbers
  private readonly strips: ReadonlyMap<Loop, Strip>
  private readonly isBound: (buffer: Buffer) => boolean

  constructor(kernel: Kernel, strips: ReadonlyMap<Loop, Strip>, isBound: (buffer: Buffer) => boolean) {
    this.kernel = kernel
    this.places = new Places(kernel)
    this.numbers = new Numbers(kernel)
    this.strips = strips
    this.isBound = isBound
  }

  of(loop: Loop): Fours | undefined {
    const inner = dealtIn(loop.body)
    const isFlat = inner.length === 0
    let candidates = (isFlat ? [loop] : inner).flatMap((x) => this.candidate(x) ?? [])
    let fills: ReadonlySet<Fill> = new Set()
    let taken = loop
    // An array that some thread writes otherwise has no vectors, and a loop without vectors stays as it is.
    for (let isStable = false; !isStable;) {
      const replaced = new Map(candidates.map((x) => [x.loop, x.taken]))
      taken = replaced.get(loop) ?? { ...loop, body: replacedIn(loop.body, replaced) }
      if (!isFlat) fills = this.fills(loop.body, candidates)
      const whole = new Set<Stmt>([...fills, ...candidates.flatMap(({ together }) => together.flat())])
      const broken = writtenSingly(taken.body, whole, isFlat)
      const isBroken = ([s]: readonly Stmt[]): boolean => broken.has(bufferOf(s!))
      isStable = !candidates.some(({ together }) => together.some(isBroken))
      candidates = candidates.flatMap((x) => {
        const together = x.together.filter((list) => !isBroken(list))
        return together.length > 0 ? [{ ...x, together }] : []
      })
    }
    if (candidates.length === 0) return undefined
    const together = new Map(candidates.flatMap((x) => x.together.map((list) => [list[0]!, list] as const)))
    const arrays = new Set([...together.keys()].map(bufferOf))
    return {
      loop: taken,
      isFlat,
      leavesRest: isFlat && [...together.keys()].every((s) => this.places.isIndex(placeOf(s), loop)),
      lengths: candidates
        .map((x) => x.loop.to)
        .filter((x, i, all) => all.findIndex((y) => sameOperand(x, y)) === i),
      arrays,
      together,
      fills: new Set([...fills].filter(({ buffer }) => arrays.has(buffer))),
    }
  }

  /** Where parts of arrays are set as one of the loops goes through them. */
  private fills(body: readonly Stmt[], candidates: readonly Candidate[]): Set<Fill> {
    const out = new Set<Fill>()
    forEachStatement(body, (s) => {
      if (s.kind !== "fill" || !this.isBound(s.buffer)) return
      const isAligned = ({ loop }: Candidate): boolean =>
        sameOperand(s.length, loop.to) && this.places.isAligned(s.at, loop, s.buffer.length)
      if (candidates.some(isAligned)) out.add(s)
    })
    return out
  }

  private candidate(loop: Loop): Candidate | undefined {
    const { kernel, places, strips } = this
    const isCounted = loop.from.kind === "number" && loop.from.value === 0 && !loop.step
    const isOther = loop.to.kind === "number" && loop.to.value % FOUR !== 0
    if (!isCounted || isOther || weight(loop.body, work) > MOST_WORK) return undefined
    if (stripsIn(loop.body, strips).length > 0) return undefined
    // What an iteration fills for itself would need copies.
    const written = writtenIn(loop.body)
    if (kernel.scratch.some((b) => written.has(b) && !hasOwnElements(loop, b, places))) return undefined
    const jam = new Jam(loop, new Varying(loop, new Set()), new Set(), new Map(), this.numbers, FOUR)
    const body = jam.whole()
    const together = jam.together.filter(([s]) => {
      if (s?.kind !== "load" && (s?.kind !== "store" || s.accumulate)) return false
      if (!this.isBound(s.buffer) || !places.isAlong(s.at, loop)) return false
      return places.isAligned(s.at, loop, s.buffer.length)
    })
    return together.length > 0 ? { loop, taken: { ...loop, step: literal(FOUR), body }, together } : undefined
  }
}

/** The arrays that are written other than by a whole vector, where several threads write. `isDealt` tells whether all of it is so. */
function writtenSingly(body: readonly Stmt[], whole: ReadonlySet<Stmt>, isDealt: boolean): Set<Buffer> {
  return new Set(
    body.flatMap((s): Buffer[] => {
      if (s.kind === "for") return [...writtenSingly(s.body, whole, isDealt || s.apart === true)]
      if (s.kind === "if") return [s.then, s.else].flatMap((side) => [...writtenSingly(side, whole, isDealt)])
      const isSingle = (s.kind === "store" && isDealt) || s.kind === "fill"
      return isSingle && !whole.has(s) ? [s.buffer] : []
    }),
  )
}

/** Statements with other loops in place of some that are dealt out; those that stay are the same objects. */
function replacedIn(body: readonly Stmt[], loops: ReadonlyMap<Loop, Loop>): Stmt[] {
  return body.map((s) => {
    if (s.kind === "for") return loops.get(s) ?? (s.apart ? s : { ...s, body: replacedIn(s.body, loops) })
    if (s.kind !== "if") return s
    return Object.assign({}, s, { then: replacedIn(s.then, loops), else: replacedIn(s.else, loops) })
  })
}
