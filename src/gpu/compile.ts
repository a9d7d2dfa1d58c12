// Loops -> a program for WebGPU: the plan, where its arrays live, the shader text, and how it is run.
import { nameAll } from "../emit/text.ts"
import { Shader } from "../emit/wgsl.ts"
import { treeBytes } from "../emit/wgsl-helpers.ts"
import { elementOf } from "../emit/wgsl-values.ts"
import type { Buffer, Kernel, Stmt } from "../loops.ts"
import type { Loop } from "../unroll/facts.ts"
import { Counts } from "./counts.ts"
import { handoversOf } from "./handover.ts"
import { type Plan, type Rows, arranged, planOf } from "./plan.ts"
import type { ArrayPlace, Count, Dispatch, Entry, GpuProgram, Region } from "./program.ts"
import type { Layout } from "./layout.ts"
import { homesOf } from "./scratch.ts"
import { type Strip, stripsOf } from "./strips.ts"
import { type Tile, tilesOf, withTiles } from "./tile.ts"

/** How a program is made. */
export interface ProgramOptions {
  /** Threads of a workgroup: a power of two from 1 to 256. Default 64. */
  readonly workgroupSize?: number
  /** Steps up to which a row is short. Default 64; tests have none that is. */
  readonly shortRow?: number
  /** Rows from which on they are taken in tiles. Default 1024. */
  readonly tiledRows?: number
  /** Bytes of workgroup memory that the device allows. Default 16,384, which all do. */
  readonly workgroupMemory?: number
}

/** Storage buffers that every device allows a shader, less the arena. */
const MOST_ARRAYS = 7

/** Steps of a loop that the host cannot count. */
const UNKNOWN = 1 << 20

/** A kernel as a GPU runs it: its steps, and what a workgroup shares. */
export interface Arrangement {
  readonly kernel: Kernel
  readonly plan: Plan
  readonly tiles: ReadonlyMap<Rows, Tile>
  /** The kernel with its tiles. */
  readonly whole: Kernel
  readonly strips: ReadonlyMap<Loop, Strip>
}

/** Arranges a kernel, best one whose rows own what they write. */
export function arrangementOf(
  given: Kernel,
  { workgroupSize = 64, workgroupMemory = 16384 }: ProgramOptions = {},
): Arrangement {
  const kernel = arranged(given)
  const plan = planOf(kernel)
  const tiles = tilesOf(plan, kernel)
  const whole = withTiles(kernel, tiles)
  const bytes = workgroupMemory - treeBytes(workgroupSize)
  return { kernel, plan, tiles, whole, strips: stripsOf(plan, whole, tiles, { size: workgroupSize, bytes }) }
}

/** Makes the program of a kernel. */
export function gpuProgram(given: Kernel, options: ProgramOptions = {}): GpuProgram {
  const { workgroupSize = 64, shortRow = 64, tiledRows = 1024 } = options
  const { kernel, plan, tiles, whole, strips } = arrangementOf(given, options)
  const counts = new Counts(kernel)
  const regions: Region[] = []
  const region = (one: Region): number => regions.push(one) - 1
  const once = (length: Count): number => region({ length, copies: { kind: "once" } })
  const handovers = handoversOf(plan)

  const results = once(Math.max(1, kernel.results.length))
  const kept = once(Math.max(1, handovers.kept.length))
  const partials = new Map<Rows, number>()
  plan.steps.forEach((step, dispatch) => {
    if (step.kind === "rows" && step.combined.size > 0)
      partials.set(step, region({ length: step.combined.size, copies: { kind: "workgroups", dispatch } }))
  })
  const places = placesOf(kernel, (buffer) => once(counts.of(buffer.length)!))
  const scratch = scratchRegions(plan, kernel, tiles, (buffer, copies) =>
    region({ length: counts.of(buffer.length)!, copies }),
  )
  const layout: Layout = {
    kernel,
    plan,
    handovers,
    regions,
    results,
    kept,
    partials,
    places,
    scratch,
    strips,
    workgroupSize,
  }
  const shader = new Shader(layout, nameAll(whole))
  const dispatches = plan.steps.map((step, i): Dispatch => {
    if (step.kind === "between") return { inner: [], entries: [shader.between(step, i)] }
    const rows = counts.between(step.loop.from, step.loop.to)
    const inner = innerLoops(step.loop.body).map((x) => counts.between(x.from, x.to) ?? UNKNOWN)
    const entries: [Entry, Entry?, Entry?] = [shader.threads(step, i)]
    if (inner.length > 0) entries.push(shader.workgroups(step, i))
    const tile = tiles.get(step)
    if (tile) entries.push(shader.workgroups(step, i, tile))
    return { rows: rows ?? UNKNOWN, inner, entries }
  })
  const types = new Map(shader.resultTypes)
  return {
    shader: shader.text(),
    workgroupSize,
    shortRow,
    tiledRows,
    sizeNames: kernel.sizeNames,
    formulas: counts.formulas,
    scalars: kernel.scalars.map(({ input }) => ({ name: input.name, type: input.type })),
    inputs: kernel.inputs.map((b) => ({
      name: b.input!.name,
      element: elementOf(b),
      length: counts.of(b.length)!,
      place: places.get(b)!,
    })),
    outputs: kernel.outputs.map((b) => ({
      name: b.name!,
      length: counts.of(b.length)!,
      place: places.get(b)!,
    })),
    results: kernel.results.map((name) => ({ name, type: types.get(name) ?? "real" })),
    fields: shader.fields(),
    regions,
    dispatches,
  }
}

/** Arrays of the caller are bound, as many as a shader may have; the others are copied into the arena, results first. */
function placesOf(kernel: Kernel, inside: (buffer: Buffer) => number): ReadonlyMap<Buffer, ArrayPlace> {
  const { inputs, outputs } = kernel
  const all = [...inputs, ...outputs]
  const bound = all.length <= MOST_ARRAYS ? all : inputs.slice(0, MOST_ARRAYS)
  return new Map(
    all.map((buffer) => {
      const i = bound.indexOf(buffer)
      return [buffer, i >= 0 ? { binding: i + 2 } : { region: inside(buffer) }]
    }),
  )
}

/** The regions of scratch arrays: one for each entry of the dispatch whose rows have the array for themselves. */
function scratchRegions(
  plan: Plan,
  kernel: Kernel,
  tiles: ReadonlyMap<Rows, Tile>,
  region: (buffer: Buffer, copies: Region["copies"]) => number,
): Layout["scratch"] {
  const out = new Map<Buffer, { regions: number[]; inThread: boolean }>()
  for (const [buffer, { step: dispatch, inThread }] of homesOf(plan, kernel)) {
    const step = plan.steps[dispatch ?? -1]
    if (dispatch === undefined || !step) {
      out.set(buffer, { regions: [region(buffer, { kind: "once" })], inThread })
      continue
    }
    const kind = inThread ? "threads" : "workgroups"
    if (step.kind === "between") {
      out.set(buffer, { regions: [region(buffer, { kind, dispatch, entry: 0 })], inThread })
      continue
    }
    const regions = [
      region(buffer, { kind: "threads", dispatch, entry: 0 }),
      region(buffer, { kind, dispatch, entry: 1 }),
    ]
    const tile = tiles.get(step)
    if (tile) regions.push(region(buffer, { kind, dispatch, entry: 2 }))
    out.set(buffer, { regions, inThread })
    for (const copy of tile?.copies.get(buffer) ?? [])
      out.set(copy, { regions: [region(copy, { kind, dispatch, entry: 2 })], inThread })
  }
  return out
}

/** The loops that a workgroup deals out to its threads. */
function innerLoops(body: readonly Stmt[]): Loop[] {
  return body.flatMap((s): Loop[] => {
    if (s.kind === "for") return s.apart ? [s] : innerLoops(s.body)
    return s.kind === "if" ? [...innerLoops(s.then), ...innerLoops(s.else)] : []
  })
}
