// Kernel -> the same where a loop around several nests of loops is a loop around each, so that threads go to all iterations of each.
//
// Iterations that may run at once share nothing, so that one part of all of them may come before the next part of any. What a part
// needs of the values computed before it is computed in it again, where that is cheap; parts that share other values of an
// iteration (accumulators, arrays that each iteration fills anew) stay together.
import { hasOwnElements } from "../blocks.ts"
import type { Buffer, Kernel, Stmt } from "../loops.ts"
import { Copier } from "../unroll/copy.ts"
import {
  type Loop,
  Numbers,
  definedIn,
  isElementary,
  readIn,
  touchedIn,
  updatedIn,
  writtenIn,
} from "../unroll/facts.ts"
import { combinable } from "../unroll/outside.ts"
import { definedBy, operandsOf, replaceStatements } from "../walk.ts"
import { Collapse } from "./collapse.ts"
import { PerIteration, type Sums } from "./per-iteration.ts"

/** Iterations that are not worth a step of their own. */
const FEW = 32

/** Distributes the outermost loops of a kernel that is marked: each stays as it is too, for the host to choose. */
export function distributed(kernel: Kernel): Kernel {
  for (const loop of outermostIn(kernel.body)) {
    if (!mayBeTakenApart(loop)) continue
    const { twice, copy } = withCopy(kernel, loop)
    const next = byDepth(twice, copy)
    if (outermostIn(next.body).length === outermostIn(twice.body).length) continue
    const others = new Set(outermostIn(kernel.body).map(({ id }) => id))
    const body = eachLoop(next.body, 1, (one) => {
      if (one.id === loop.id) return [{ ...one, way: "rows" }]
      return [others.has(one.id) ? one : { ...one, way: "parts" }]
    })
    kernel = { ...next, body }
  }
  return kernel
}

/** Whether a loop or one inside has several nests, as far as a glance tells. */
function mayBeTakenApart(loop: Loop): boolean {
  return (
    loop.body.filter(mayBeNest).length > 1 ||
    loop.body.some((s) => s.kind === "for" && s.apart && mayBeTakenApart(s))
  )
}

/** Whether a statement may be loops that are worth a step of their own. */
function mayBeNest(s: Stmt): boolean {
  if (s.kind === "if") return [...s.then, ...s.else].some(mayBeNest)
  return s.kind === "for" && s.apart === true && !isShort(s) && s.body.some(hasApart)
}

/** A kernel with a copy of a loop behind it, which has scratch of its own. */
function withCopy(kernel: Kernel, loop: Loop): { readonly twice: Kernel; readonly copy: Loop } {
  const numbers = new Numbers(kernel)
  const elsewhere = touchedIn(eachLoop(kernel.body, 1, (one) => (one.id === loop.id ? [] : [one])))
  const own = new Map<Buffer, Buffer>()
  for (const buffer of touchedIn([loop]))
    if (buffer.kind === "scratch" && !elsewhere.has(buffer))
      own.set(buffer, { ...buffer, id: numbers.value() })
  const as = (buffer: Buffer): Buffer => own.get(buffer) ?? buffer
  const [copy] = replaceStatements([copied(loop, numbers)], (s) => {
    if (s.kind === "load" || s.kind === "store" || s.kind === "fill") return [{ ...s, buffer: as(s.buffer) }]
    return s.kind === "sort" ? [{ ...s, keys: as(s.keys), index: as(s.index) }] : [s]
  }) as [Loop]
  const body = eachLoop(kernel.body, 1, (one) => (one.id === loop.id ? [one, copy] : [one]))
  return { twice: { ...kernel, scratch: [...kernel.scratch, ...own.values()], body }, copy }
}

/** A copy of a loop: values are defined once in a kernel. */
function copied(loop: Loop, numbers: Numbers): Loop {
  const copier = new Copier(numbers, writtenIn(loop.body))
  copier.copy([loop])
  return copier.out[0] as Loop
}

/** Takes a loop apart, and before it the loops inside. */
function byDepth(kernel: Kernel, loop: Loop): Kernel {
  const { id } = loop
  for (let depth = depthOf([loop]); depth > 0; depth--) {
    kernel = new Distribute(kernel, id).widened(depth)
    kernel = new Distribute(kernel, id).freed(depth)
    kernel = new Distribute(kernel, id).distributed(depth)
  }
  return kernel
}

/** The outermost loops whose iterations may run at once. */
function outermostIn(body: readonly Stmt[]): readonly Loop[] {
  return body.flatMap((s): readonly Loop[] => {
    if (s.kind === "if") return [...outermostIn(s.then), ...outermostIn(s.else)]
    return s.kind === "for" && s.apart ? [s] : []
  })
}

/** How many loops whose iterations may run at once stand around one another, up to the first that is another. */
function depthOf(body: readonly Stmt[]): number {
  const depths = body.map((s) => {
    if (s.kind === "if") return Math.max(depthOf(s.then), depthOf(s.else))
    return s.kind === "for" && s.apart ? 1 + depthOf(s.body) : 0
  })
  return Math.max(0, ...depths)
}

/** Statements of an iteration that stay together, and by what: accumulators, values and arrays of the iteration. */
interface Part {
  readonly statements: ReadonlySet<Stmt>
  readonly state: ReadonlySet<number | Buffer>
}

class Distribute {
  private readonly kernel: Kernel
  private readonly outermost: number
  private readonly numbers: Numbers
  private known: Collapse | undefined

  constructor(kernel: Kernel, outermost: number) {
    this.kernel = kernel
    this.outermost = outermost
    this.numbers = new Numbers(kernel)
  }

  private get collapse(): Collapse {
    return (this.known ??= new Collapse(this.kernel))
  }

  /** The body with other statements in place of the loops at a depth inside the outermost one. */
  private eachLoop(depth: number, replace: Replace): readonly Stmt[] {
    return eachLoop(this.kernel.body, depth, (loop, around) =>
      around[0]!.id === this.outermost ? replace(loop, around) : [loop],
    )
  }

  /** With arrays over all iterations in place of those that each fills anew for several parts. */
  widened(depth: number): Kernel {
    const arrays = new PerIteration(this.kernel)
    const body = this.eachLoop(depth, (loop, around) => {
      const nests = loop.body.filter(mayBeNest)
      if (nests.length < 2 || !around.every((one) => this.collapse.isCounted(one))) return [loop]
      const outside = touchedIn(eachLoop(this.kernel.body, depth, (one) => (one.id === loop.id ? [] : [one])))
      const users = (buffer: Buffer): Stmt[] => loop.body.filter((s) => touchedIn([s]).has(buffer))
      const own = [...writtenIn(loop.body)].filter(
        (buffer) =>
          buffer.kind === "scratch" &&
          !outside.has(buffer) &&
          users(buffer).length > 1 &&
          users(buffer).some((s) => nests.includes(s)) &&
          !hasOwnElements(loop, buffer, this.collapse.places),
      )
      return [own.length > 0 ? arrays.arrays(around, own) : loop]
    })
    return arrays.with(body)
  }

  /** With partial results for nests that share accumulators, and nothing else, with other parts of an iteration. */
  freed(depth: number): Kernel {
    const arrays = new PerIteration(this.kernel)
    const body = this.eachLoop(depth, (loop, around) => {
      if (loop.body.filter(hasApart).length < 2) return [loop]
      const states = this.statesOf(loop)
      const body = loop.body.flatMap((s): readonly Stmt[] => {
        if (s.kind !== "for" || !mayBeNest(s) || !this.collapse.isCounted(s)) return [s]
        const combined = new Map([...combinable(s.body)].filter(([acc]) => states.get(s)!.has(acc)))
        const others = [...states.get(s)!].filter((x) => typeof x !== "number" || !combined.has(x))
        const isTied = [...states].some(([x, state]) => x !== s && others.some((one) => state.has(one)))
        const isReal = [...combined.keys()].every((acc) => this.numbers.accs.get(acc) === "real")
        if (combined.size === 0 || !isReal || isTied) return [s]
        // Accumulators of its own keep a loop from becoming one with the loop inside: then they belong into that.
        const inner = s.body.find((x) => x.kind === "for")
        const isOne = ({ loops }: Sums, least: number): boolean =>
          lengthOfNest(new Collapse(arrays.with([...this.kernel.body, ...loops])), loops[0], around) >= least
        const plain = arrays.sums([s], around, combined)
        let found = isOne(plain, around.length + 1) ? plain : undefined
        if (!found && inner?.kind === "for" && this.collapse.isCounted(inner) && holds(inner, combined))
          found = [arrays.sums([s, inner], around, combined)].find((sums) => isOne(sums, around.length + 1))
        if (!found && isOne(plain, Math.max(2, around.length))) found = plain
        if (!found) return [s]
        arrays.keep(found)
        return found.loops
      })
      return [{ ...loop, body }]
    })
    return arrays.with(body)
  }

  /** With a loop around each part. */
  distributed(depth: number): Kernel {
    const body = this.eachLoop(depth, (loop, around) => {
      const isNest = (s: Stmt): boolean => this.isNest(s, around)
      return this.partsOf(loop, isNest).flatMap((part, k) => {
        const own = k > 0 ? copied(only(loop, part), this.numbers) : only(loop, part)
        return [...part].some(isNest) ? this.unswitched(own) : [own]
      })
    })
    return { ...this.kernel, body }
  }

  /**
   * Whether a statement is a loop that becomes one with those around it, or has such loops under a condition from outside of the
   * last of these.
   */
  private isNest(s: Stmt, around: readonly Loop[]): boolean {
    const loop = around.at(-1)!
    if (s.kind === "if") {
      const { condition } = s
      const isOutside = condition.kind === "number" || !definedIn([loop]).has(condition.id)
      return isOutside && [...s.then, ...s.else].some((x) => this.isNest(x, around))
    }
    if (s.kind !== "for" || !s.apart || isShort(s) || !s.body.some(hasApart)) return false
    return lengthOfNest(this.collapse, s, around) >= Math.max(2, around.length)
  }

  /** The loop with a condition around all that it does, which is known before it, around the loop. */
  private unswitched(loop: Loop): readonly Stmt[] {
    const inside = definedIn([loop])
    const branch = loop.body.find((s) => s.kind === "if")
    if (branch?.kind !== "if" || (branch.condition.kind === "value" && inside.has(branch.condition.id)))
      return [loop]
    const others = loop.body.filter((s) => s !== branch)
    if (!others.every((s) => s.kind === "let" || s.kind === "load")) return [loop]
    const side = (body: readonly Stmt[]): Loop => only({ ...loop, body: [...others, ...body] }, new Set(body))
    const otherwise = branch.else.length > 0 ? this.unswitched(copied(side(branch.else), this.numbers)) : []
    return [Object.assign({}, branch, { then: this.unswitched(side(branch.then)), else: otherwise })]
  }

  /** The statements of an iteration in parts that come one after another; one part if fewer than two have nests. */
  private partsOf(loop: Loop, isNest: (s: Stmt) => boolean): readonly ReadonlySet<Stmt>[] {
    const whole = [new Set(loop.body)]
    if (loop.body.filter(hasApart).length < 2) return whole
    const nests = new Set(loop.body.filter(isNest))
    if (nests.size === 0) return whole
    const out: Set<Stmt>[] = []
    let last: boolean | undefined
    for (const { statements } of inOrder(this.tied(loop), loop)) {
      const hasNest = [...statements].some((s) => nests.has(s))
      if (last === false && !hasNest) statements.forEach((s) => out.at(-1)!.add(s))
      else out.push(new Set(statements))
      last = hasNest
    }
    return out.length > 1 ? out : whole
  }

  /** Statements that cannot be repeated, those together that share something of the iteration. */
  private tied(loop: Loop): readonly Part[] {
    let parts: Part[] = []
    for (const [s, state] of this.statesOf(loop)) {
      const others = parts.filter((part) => [...state].some((x) => part.state.has(x)))
      const rest = parts.filter((part) => !others.includes(part))
      parts = [...rest, joined([...others, { statements: new Set([s]), state }])]
    }
    return parts
  }

  /** Statements that cannot be repeated, and what of an iteration each reads or makes: accumulators, values and arrays. */
  private statesOf(loop: Loop): ReadonlyMap<Stmt, ReadonlySet<number | Buffer>> {
    const written = writtenIn(loop.body)
    const own = new Set<number | Buffer>()
    for (const buffer of written) if (!hasOwnElements(loop, buffer, this.collapse.places)) own.add(buffer)
    const states = new Map<Stmt, ReadonlySet<number | Buffer>>()
    for (const s of loop.body) {
      const read = [...readIn([s])]
      const isCheap = (s.kind === "let" && !isElementary(s)) || (s.kind === "load" && !written.has(s.buffer))
      if (isCheap && !read.some((id) => own.has(id) || this.numbers.accs.has(id))) continue
      const defined = definedBy(s)
      if (defined !== undefined && s.kind !== "for") own.add(defined)
      const touched = [
        ...read,
        ...updatedIn([s]).keys(),
        ...touchedIn([s]),
        ...(defined === undefined ? [] : [defined]),
      ]
      states.set(s, new Set(touched.filter((x) => own.has(x))))
    }
    return states
  }
}

/** How many of the loops around a loop, itself and those inside become one. */
function lengthOfNest(collapse: Collapse, loop: Loop, around: readonly Loop[]): number {
  const whole = around.reduceRight<Loop>((inner, outer) => {
    const values = outer.body.filter((x) => x.kind !== "for" && x.kind !== "if")
    return only({ ...outer, body: [...values, inner] }, new Set([inner]))
  }, loop)
  return collapse.nestOf(whole).length
}

/** Whether all accumulators are combined in a loop. */
const holds = ({ body }: Loop, combined: ReadonlyMap<number, unknown>): boolean =>
  [...combined.keys()].every((acc) => updatedIn(body).has(acc))

/** What comes in place of a loop; the loops around it come with it, outermost first, itself last. */
type Replace = (loop: Loop, around: readonly Loop[]) => readonly Stmt[]

/** Replaces the loops at a depth, the outermost being at 1. */
function eachLoop(
  body: readonly Stmt[],
  depth: number,
  replace: Replace,
  around: readonly Loop[] = [],
): readonly Stmt[] {
  const inside = (list: readonly Stmt[]): readonly Stmt[] => eachLoop(list, depth, replace, around)
  return body.flatMap((s): readonly Stmt[] => {
    if (s.kind === "if") return [Object.assign({}, s, { then: inside(s.then), else: inside(s.else) })]
    if (s.kind !== "for" || !s.apart) return [s]
    const chain = [...around, s]
    if (depth === 1) return replace(s, chain)
    return [{ ...s, body: eachLoop(s.body, depth - 1, replace, chain) }]
  })
}

const joined = (parts: readonly Part[]): Part => ({
  statements: new Set(parts.flatMap((part) => [...part.statements])),
  state: new Set(parts.flatMap((part) => [...part.state])),
})

/** Parts in an order in which none comes before what it reads or overwrites; those that wait for one another are joined. */
function inOrder(parts: readonly Part[], loop: Loop): readonly Part[] {
  const places = new Map(loop.body.map((s, i) => [s, i]))
  const arrays = new Map(loop.body.map((s) => [s, { touched: touchedIn([s]), written: writtenIn([s]) }]))
  const waits = (later: Stmt, earlier: Stmt): boolean => {
    const [x, y] = [arrays.get(earlier)!, arrays.get(later)!]
    return (
      places.get(earlier)! < places.get(later)! &&
      ([...x.written].some((b) => y.touched.has(b)) || [...y.written].some((b) => x.touched.has(b)))
    )
  }
  const follows = (later: Part, earlier: Part): boolean =>
    [...later.statements].some((s) => [...earlier.statements].some((x) => waits(s, x)))
  const first = (part: Part): number => Math.min(...Array.from(part.statements, (s) => places.get(s)!))
  const out: Part[] = []
  let rest = [...parts].sort((x, y) => first(x) - first(y))
  while (rest.length > 0) {
    const next = rest.find((part) => rest.every((other) => other === part || !follows(part, other)))
    if (next) {
      out.push(next)
      rest = rest.filter((part) => part !== next)
    } else {
      // Two on a cycle: one of the first part's predecessors.
      const [one] = rest as [Part]
      const other = rest.find((part) => part !== one && follows(one, part))!
      rest = [joined([one, other]), ...rest.filter((part) => part !== one && part !== other)]
    }
  }
  return out
}

/** A loop with only some of its statements, and those that define what these need. */
function only(loop: Loop, part: ReadonlySet<Stmt>): Loop {
  const needed = readIn([...part])
  const body: Stmt[] = []
  for (const s of loop.body.toReversed()) {
    const id = definedBy(s)
    if (!part.has(s) && (id === undefined || !needed.has(id))) continue
    for (const x of operandsOf(s)) if (x.kind === "value") needed.add(x.id)
    body.unshift(s)
  }
  return { ...loop, body }
}

/** Whether a loop is known to be too short for threads of its own. */
const isShort = ({ to }: Loop): boolean => to.kind === "number" && to.value <= FEW

function hasApart(s: Stmt): boolean {
  if (s.kind === "if") return s.then.some(hasApart) || s.else.some(hasApart)
  return s.kind === "for" && s.apart === true
}
