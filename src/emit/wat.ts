// Loops -> the text of a WebAssembly module that has no memory of its own.
//
// Numbers are f64 in registers; places in arrays, indices, sizes and conditions are i32. The function `kernel` takes the
// addresses of its arrays, then the scalars, the sizes, the address of free memory for scratch, and that of the results. The
// function `scratch` says how many bytes of free memory the sizes ask for. Operators that the text does not compute are
// imported from `host` under their names. For several threads there are functions for blocks of loops: `wat-blocks.ts`.
import { type BlockSizes, cut } from "../blocks/cut.ts"
import type { Buffer, Kernel } from "../loops.ts"
import type { OpName } from "../ops.ts"
import { vectorise } from "../vector.ts"
import { forEachStatement } from "../walk.ts"
import type { Accuracy } from "./math.ts"
import { blockName, sharingOf } from "./wat-blocks.ts"
import { type Element, Emitter } from "./wat-emitter.ts"

export type { Element } from "./wat-emitter.ts"

/** How a module is written. */
export interface WatOptions {
  /** How the arrays of the caller lie in memory, where that is not said by their type: ints are i32, bools u8. */
  readonly elements?: ReadonlyMap<Buffer, Element>
  /**
   * `fast` computes with vectors of f32 where memory holds f32; `full` in f64; `engine` calls the functions of the host. Default:
   * `fast` for kernels over f32 memory, `full` for f64.
   */
  readonly accuracy?: Accuracy
  /** How large the blocks are into which outermost loops are cut. */
  readonly blocks?: BlockSizes
  /** For a memory that is shared between threads. Default false. */
  readonly shared?: boolean
  /** How many threads may run blocks of loops at once, above 1 for shared memory only. Default 1. */
  readonly threads?: number
  /** Whether relaxed instructions may be used, which not every engine has. Default false. */
  readonly relaxed?: boolean
  /** False leaves the loops as they come. Default true. */
  readonly optimise?: boolean
}

/** A module as text, and what the host has to provide. */
export interface Wat {
  readonly text: string
  /** Operators to import from `host`, by name. */
  readonly host: readonly OpName[]
  /** Names of the functions of loops over blocks, by their numbers. Empty for one thread. */
  readonly blocks: readonly string[]
}

/** Pages of the most memory that a module can address. */
const MOST_PAGES = 65536

/** For each array that a sort writes, another one of its length to merge in. */
function roomsOf(kernel: Kernel): ReadonlyMap<Buffer, Buffer> {
  const rooms = new Map<Buffer, Buffer>()
  forEachStatement(kernel.body, (s) => {
    if (s.kind === "sort" && !rooms.has(s.index)) rooms.set(s.index, { ...s.index, id: -1 - rooms.size })
  })
  return rooms
}

/** The text of the module of a kernel. */
export function emitWat(kernel: Kernel, options: WatOptions = {}): Wat {
  if (options.optimise !== false) kernel = cut(kernel, options.blocks)
  const rooms = roomsOf(kernel)
  kernel = { ...kernel, scratch: [...kernel.scratch, ...rooms.values()] }
  const accuracy = options.accuracy ?? (kernel.dtype === "f32" ? "fast" : "full")
  const given = new Map(
    [...kernel.inputs, ...kernel.outputs, ...kernel.scratch].map((b): [Buffer, Element] => [
      b,
      options.elements?.get(b) ?? (b.element === "int" ? "i32" : b.element === "bool" ? "u8" : b.element),
    ]),
  )
  const isPlain = options.optimise === false
  const made = isPlain
    ? { kernel, elements: given }
    : vectorise(kernel, given, kernel.dtype === "f64" || accuracy !== "fast")
  const sharing = sharingOf(made.kernel, rooms, options.threads ?? 1)
  const make = (): Emitter =>
    new Emitter(made.kernel, made.elements, accuracy, rooms, sharing, options.relaxed === true)
  const emitter = make()
  const main = emitter.kernelText()
  const scratch = make().scratchText()
  const isShared = options.shared === true
  const text = [
    "(module",
    `  (import "host" "memory" (memory 1${isShared ? ` ${MOST_PAGES} shared` : ""}))`,
    ...(sharing.loops.size > 0 ? [`  (import "host" "share" (func $share (param i32 i32 i32)))`] : []),
    ...emitter.imports(),
    ...emitter.helperTexts(),
    ...emitter.functions.values(),
    ...emitter.outlined,
    ...emitter.blocks,
    main,
    scratch,
    ")",
    "",
  ].join("\n")
  return { text, host: [...emitter.host].sort(), blocks: [...sharing.loops.values()].map(blockName) }
}
