// Blocks that several threads may run -> what their functions need: the values and arrays of a loop that come from outside it.
//
// The kernel stores them in a frame in memory and calls `share`, an import, with the number of the loop, the frame and the number
// of blocks. For each block that calls, on any thread, the exported function `block0`, `block1`, … of the loop, with the frame,
// the number of the thread and that of the block. Scratch that iterations need copies of lies at the start of free memory, once
// for each thread.
import type { Buffer, Kernel } from "../loops.ts"
import type { Loop } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"
import { outsideOf } from "../unroll/outside.ts"

/** A loop over blocks. */
export interface SharedLoop {
  readonly number: number
  /** Numbers of values from outside. */
  readonly values: readonly number[]
  readonly buffers: readonly Buffer[]
}

/** What a kernel hands to its threads. */
export interface Sharing {
  readonly threads: number
  readonly loops: ReadonlyMap<Loop, SharedLoop>
  /** Scratch of which each thread has its own. */
  readonly own: ReadonlySet<Buffer>
}

/** Bytes of a value or an address in a frame. */
export const SLOT = 8

/** The loops over blocks of a kernel, each with what its function reads. `rooms` are the arrays that sorts merge in. */
export function sharingOf(kernel: Kernel, rooms: ReadonlyMap<Buffer, Buffer>, threads: number): Sharing {
  const loops = new Map<Loop, SharedLoop>()
  const own = new Set<Buffer>()
  forEachStatement(kernel.body, (s) => {
    if (s.kind !== "for" || !s.blocks || threads === 1) return
    const { values, updated, buffers } = outsideOf([s])
    const merged: Buffer[] = []
    forEachStatement(s.body, (x) => {
      if (x.kind === "sort") merged.push(rooms.get(x.index)!)
    })
    for (const buffer of [...s.blocks.own, ...merged]) own.add(buffer)
    // Scratch of one element may have become an accumulator, which every block sets before it reads it.
    loops.set(s, {
      number: loops.size,
      values: [...values, ...updated],
      buffers: [...new Set([...buffers, ...merged])],
    })
  })
  return { threads, loops, own }
}

/** Bytes of the frame, which all loops use in turn. */
export function frameBytes({ loops }: Sharing): number {
  const slots = [...loops.values()].map(({ values, buffers }) => 1 + values.length + buffers.length)
  return loops.size === 0 ? 0 : Math.ceil((Math.max(...slots) * SLOT) / 16) * 16
}

/** The name of the function of a loop. */
export const blockName = ({ number }: SharedLoop): string => `block${number}`
