// Loops dealt out to the threads of a workgroup -> what these bring into workgroup memory together.
//
// In scores of all pairs each thread takes a row of the other array and goes along it, so that at any time the threads read
// elements that are a row apart. Instead they first bring a strip into workgroup memory, a part of each of their rows, with
// neighbours that read neighbours; then each goes along its part.
import { Places } from "../blocks/places.ts"
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { type Loop, definedIn, letsIn, writtenIn } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"
import type { Plan, Rows } from "./plan.ts"
import type { Tile } from "./tile.ts"

type Load = Extract<Stmt, { kind: "load" }>
type Let = Extract<Stmt, { kind: "let" }>

/** Elements of a row that a strip has at most, and at least: with fewer, neighbours that read neighbours are few. */
const WIDEST = 32
const NARROWEST = 4
/** Loops that are known to have fewer steps are too short for this. */
const FEWEST_STEPS = 8

/** Reads of one loop along rows that go through workgroup memory. */
export interface Strip {
  /** The loop whose iterations are the rows. */
  readonly across: Loop
  /** Elements of each row at a time: a power of two. */
  readonly width: number
  readonly reads: readonly {
    readonly load: Load
    /** How the place is computed from the indices of both loops. */
    readonly place: readonly Let[]
  }[]
}

/** Words between the rows of a strip: odd, so that threads which go along their rows are at different banks. */
export const pitchOf = ({ width }: Strip): number => width + 1

/** Words of a strip for one read. */
export const wordsOf = (strip: Strip, workgroupSize: number): number => workgroupSize * pitchOf(strip)

/** What there is to divide up. */
export interface Workgroup {
  readonly size: number
  /** Bytes of workgroup memory for strips. */
  readonly bytes: number
}

/** The strips of a plan and its tiles, by the loop along the rows. */
export function stripsOf(
  plan: Plan,
  kernel: Kernel,
  tiles: ReadonlyMap<Rows, Tile>,
  workgroup: Workgroup,
): ReadonlyMap<Loop, Strip> {
  const places = new Places(kernel)
  const out = new Map<Loop, Strip>()
  const visit = (body: readonly Stmt[]): void => {
    for (const s of body) {
      if (s.kind === "for" && s.apart)
        for (const [along, strip] of new Across(s, places, workgroup).strips(s.body)) out.set(along, strip)
      else if (s.kind === "for") visit(s.body)
      else if (s.kind === "if") [s.then, s.else].forEach(visit)
    }
  }
  for (const step of plan.steps)
    if (step.kind === "between") step.segments.forEach(({ body }) => visit(body))
    else [step.loop, tiles.get(step)?.loop].forEach((loop) => loop && visit(loop.body))
  return out
}

/** Whether a loop is known to have few steps. */
const isShort = ({ to }: Loop): boolean => to.kind === "number" && to.value < FEWEST_STEPS

/** Finds the strips of a loop that is dealt out. */
class Across {
  private readonly loop: Loop
  private readonly places: Places
  private readonly workgroup: Workgroup
  private readonly inside: ReadonlySet<number>
  private readonly lets: ReadonlyMap<number, Let>
  private readonly written: ReadonlySet<Buffer>

  constructor(loop: Loop, places: Places, workgroup: Workgroup) {
    this.loop = loop
    this.places = places
    this.workgroup = workgroup
    this.inside = definedIn([loop])
    this.lets = letsIn(loop.body)
    this.written = writtenIn(loop.body)
  }

  /** Strips of the loops in a block that all threads reach, some of them on a condition. */
  strips(body: readonly Stmt[], isConditional = false): (readonly [Loop, Strip])[] {
    if (this.workgroup.size === 1 || isShort(this.loop)) return []
    return body.flatMap((s) => {
      if (s.kind === "if") return [...this.strips(s.then, true), ...this.strips(s.else, true)]
      const strip = s.kind === "for" ? this.strip(s, isConditional) : undefined
      return strip ? [[s as Loop, strip] as const] : []
    })
  }

  private strip(along: Loop, isConditional: boolean): Strip | undefined {
    const varies = (x: Operand): boolean => x.kind === "value" && this.inside.has(x.id)
    if (along.step || varies(along.from) || varies(along.to) || isShort(along)) return undefined
    const { size, bytes } = this.workgroup
    const found = this.reads(along, along.body, isConditional)
    const reads = found.slice(0, Math.floor(bytes / (4 * size * (NARROWEST + 1))))
    if (reads.length === 0) return undefined
    let width = WIDEST
    while (4 * size * (width + 1) * reads.length > bytes) width /= 2
    return { across: this.loop, width, reads }
  }

  private reads(along: Loop, body: readonly Stmt[], isConditional: boolean): Strip["reads"] {
    return body.flatMap((s): Strip["reads"] => {
      if (s.kind === "for") return this.reads(along, s.body, isConditional)
      if (s.kind === "if") return [s.then, s.else].flatMap((side) => this.reads(along, side, true))
      const place = s.kind === "load" ? this.placeOf(s, along, isConditional) : undefined
      return place ? [{ load: s as Load, place }] : []
    })
  }

  /** How the place of a read is computed, if it goes along a row of its own. A strip has all of the row, whatever the conditions. */
  private placeOf(s: Load, along: Loop, isConditional: boolean): readonly Let[] | undefined {
    const { loop, places } = this
    const isReal = s.buffer.element === "f32" || s.buffer.element === "f64"
    if (!isReal || s.type !== "real" || this.written.has(s.buffer)) return undefined
    if (!places.isAlong(s.at, along) || places.digit(s.at, loop) === undefined) return undefined
    if (places.isAlong(s.at, loop) || (isConditional && !places.isPart(s.at, loop, s.buffer.length)))
      return undefined
    const needed = new Set<number>()
    const isComputed = (x: Operand): boolean => {
      if (x.kind === "number" || x.id === loop.id || x.id === along.id || !this.inside.has(x.id)) return true
      needed.add(x.id)
      return this.lets.get(x.id)?.args.every(isComputed) ?? false
    }
    return isComputed(s.at) ? [...this.lets.values()].filter(({ id }) => needed.has(id)) : undefined
  }
}

/** The words of workgroup memory that the largest strips take. */
export function stripWords(strips: ReadonlyMap<Loop, Strip>, workgroupSize: number): number {
  return Math.max(
    0,
    ...[...strips.values()].map((strip) => strip.reads.length * wordsOf(strip, workgroupSize)),
  )
}

/** The strips of the loops in a block. */
export function stripsIn(body: readonly Stmt[], strips: ReadonlyMap<Loop, Strip>): [Loop, Strip][] {
  const out: [Loop, Strip][] = []
  forEachStatement(body, (s) => {
    const strip = s.kind === "for" ? strips.get(s) : undefined
    if (strip) out.push([s as Loop, strip])
  })
  return out
}
