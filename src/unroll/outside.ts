// Loops -> what a block takes from outside it: the parameters of the function that it becomes.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { definedBy, operandsOf } from "../walk.ts"
import type { Loop, UpdateOp } from "./facts.ts"

/** What a block reads or changes that is defined outside it, in order of first use. */
export interface Outside {
  readonly values: readonly number[]
  /** Accumulators that the block updates. */
  readonly updated: readonly number[]
  /** Of those, what the block never reads and always updates by the same operator: its iterations may be grouped in any way. */
  readonly combined: ReadonlyMap<number, Exclude<UpdateOp, "set">>
  readonly buffers: readonly Buffer[]
  readonly results: boolean
}

/** Loops stand in loops, and each may become a function. */
const known = new WeakMap<Stmt, Finder>()

/** Finds what a block takes from outside. */
export function outsideOf(body: readonly Stmt[]): Outside {
  const finder = new Finder()
  finder.block(body)
  const { read, updates, buffers, results } = finder
  const combined = new Map<number, Exclude<UpdateOp, "set">>()
  for (const [acc, op] of updates) if (op !== "set" && !read.has(acc)) combined.set(acc, op)
  return {
    values: [...read].filter((id) => !updates.has(id)),
    updated: [...updates.keys()],
    combined,
    buffers: [...buffers],
    results,
  }
}

/**
 * The accumulators of a block whose iterations may be combined in any grouping: always updated by the same operator and never
 * read in the block.
 */
export function combinable(body: readonly Stmt[]): ReadonlyMap<number, Exclude<UpdateOp, "set">> {
  return outsideOf(body).combined
}

class Finder {
  /** Values and accumulators from outside that are read. */
  readonly read = new Set<number>()
  /** Accumulators from outside, with the operator by which each is updated; `set` where they are several. */
  readonly updates = new Map<number, UpdateOp>()
  readonly buffers = new Set<Buffer>()
  results = false
  private readonly inside = new Set<number>()

  /** Values are defined before they are read. */
  block(body: readonly Stmt[]): void {
    for (const s of body) this.statement(s)
  }

  private statement(s: Stmt): void {
    switch (s.kind) {
      case "let":
        s.args.forEach((x) => this.operand(x))
        this.inside.add(s.id)
        return
      case "update":
        this.operand(s.value)
        this.update(s.acc, s.op)
        return
      case "for":
        return this.adopt(loop(s))
      case "if":
        this.operand(s.condition)
        this.block(s.then)
        this.block(s.else)
        return
      default: {
        for (const x of operandsOf(s)) this.operand(x)
        const id = definedBy(s)
        if (id !== undefined) this.inside.add(id)
        if (s.kind === "load" || s.kind === "store" || s.kind === "fill") this.buffers.add(s.buffer)
        else if (s.kind === "sort") this.buffers.add(s.keys).add(s.index)
        else if (s.kind === "result") this.results = true
      }
    }
  }

  /** A loop with what stands in it. */
  own(s: Loop): void {
    for (const x of operandsOf(s)) this.operand(x)
    this.inside.add(s.id)
    this.block(s.body)
  }

  private operand(x: Operand): void {
    if (x.kind === "value" && !this.inside.has(x.id)) this.read.add(x.id)
  }

  private update(acc: number, op: UpdateOp): void {
    if (this.inside.has(acc)) return
    const before = this.updates.get(acc)
    this.updates.set(acc, before === undefined || before === op ? op : "set")
  }

  private adopt(inner: Finder): void {
    for (const id of inner.read) if (!this.inside.has(id)) this.read.add(id)
    for (const [acc, op] of inner.updates) this.update(acc, op)
    for (const buffer of inner.buffers) this.buffers.add(buffer)
    this.results ||= inner.results
  }
}

function loop(s: Loop): Finder {
  let finder = known.get(s)
  if (!finder) {
    known.set(s, (finder = new Finder()))
    finder.own(s)
  }
  return finder
}
