// Loops -> a program for WebGPU: the plan, where its arrays live, the shader text, and how it is run.
import { nameAll } from "../emit/text.ts"
import { Shader } from "../emit/wgsl.ts"
import { treeBytes } from "../emit/wgsl-helpers.ts"
import { elementOf } from "../emit/wgsl-values.ts"
import type { Buffer, Kernel } from "../loops.ts"
import type { Loop } from "../unroll/facts.ts"
import { Counts } from "./counts.ts"
import { type Fours, foursOf } from "./fours.ts"
import { handoversOf } from "./handover.ts"
import { type Plan, type Rows, arranged, dealtIn, planOf } from "./plan.ts"
import type { ArrayPlace, Count, Dispatch, GpuProgram, Region, RowWay } from "./program.ts"
import type { Layout } from "./layout.ts"
import { homesOf, usersOf } from "./scratch.ts"
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
  /** Rows up to which they are taken in parts. Default 512. */
  readonly fewRows?: number
  /** Length from which on rows are read in vectors of four. Default four times the size of the workgroup. */
  readonly foursFrom?: number
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
  readonly strips: ReadonlyMap<Loop, Strip>
  readonly fours: ReadonlyMap<Rows, Fours>
  /** The kernel with its tiles and what is taken in fours. */
  readonly whole: Kernel
}

/** Arranges a kernel, best one whose rows own what they write. */
export function arrangementOf(
  given: Kernel,
  { workgroupSize = 64, workgroupMemory = 16384 }: ProgramOptions = {},
): Arrangement {
  const kernel = arranged(given)
  const plan = planOf(kernel)
  const tiles = tilesOf(plan, kernel)
  const tiled = withTiles(kernel, tiles)
  const bytes = workgroupMemory - treeBytes(workgroupSize)
  const strips = stripsOf(plan, tiled, tiles, { size: workgroupSize, bytes })
  const bound = boundOf(kernel)
  const fours = foursOf(plan, tiled, strips, (buffer) => bound.includes(buffer))
  const whole = { ...tiled, body: [...tiled.body, ...[...fours.values()].map(({ loop }) => loop)] }
  return { kernel, plan, tiles, strips, fours, whole }
}

/** Makes the program of a kernel. */
export function gpuProgram(given: Kernel, options: ProgramOptions = {}): GpuProgram {
  const { workgroupSize = 64, shortRow = 64, tiledRows = 1024, fewRows = 512 } = options
  const { foursFrom = 4 * workgroupSize } = options
  const { kernel, plan, tiles, strips, fours, whole } = arrangementOf(given, options)
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
  const ways = waysOf(plan)
  const scratch = scratchRegions(plan, kernel, tiles, fours, (buffer, copies) => {
    const way = ways.get(buffer)
    return region({ length: counts.of(buffer.length)!, copies, ...(way && { way }) })
  })
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
  const shader = new Shader(layout, nameAll(whole), fours)
  const dispatches = plan.steps.map((step, i): Dispatch => {
    if (step.kind === "between") return { inner: [], entries: [shader.between(step, i)] }
    const rows = counts.between(step.loop.from, step.loop.to)
    const inner = dealtIn(step.loop.body).map((x) => counts.between(x.from, x.to) ?? UNKNOWN)
    const entries: { -readonly [E in keyof Dispatch["entries"]]: Dispatch["entries"][E] } = [
      shader.threads(step, i),
    ]
    if (inner.length > 0) entries[1] = shader.workgroups(step, i)
    const tile = tiles.get(step)
    if (tile) entries[2] = shader.tiles(step, i, tile)
    const four = fours.get(step)
    if (four)
      entries[3] = {
        ...shader.fours(step, i, four),
        fours: four.lengths.map((x) => counts.of(x)!),
        ...(four.leavesRest && { leavesRest: true }),
      }
    return { rows: rows ?? UNKNOWN, inner, entries, ...(step.loop.way && { way: step.loop.way }) }
  })
  const types = new Map(shader.resultTypes)
  const subgroups = shader.subgroups()
  return {
    shader: shader.text(),
    ...(subgroups && { subgroups }),
    workgroupSize,
    shortRow,
    tiledRows,
    fewRows,
    foursFrom,
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

/** The arrays of the caller that are bound: as many as a shader may have, results last. */
function boundOf({ inputs, outputs }: Kernel): readonly Buffer[] {
  const all = [...inputs, ...outputs]
  return all.length <= MOST_ARRAYS ? all : inputs.slice(0, MOST_ARRAYS)
}

/** Where the arrays of the caller are: those that are not bound are copied into the arena. */
function placesOf(kernel: Kernel, inside: (buffer: Buffer) => number): ReadonlyMap<Buffer, ArrayPlace> {
  const bound = boundOf(kernel)
  return new Map(
    [...kernel.inputs, ...kernel.outputs].map((buffer) => {
      const i = bound.indexOf(buffer)
      return [buffer, i >= 0 ? { binding: i + 2 } : { region: inside(buffer) }]
    }),
  )
}

/** The way of the steps that touch an array, where all are of one. */
function waysOf(plan: Plan): ReadonlyMap<Buffer, RowWay | undefined> {
  const wayOf = (i: number): RowWay | undefined => {
    const step = plan.steps[i]
    return step?.kind === "rows" ? step.loop.way : undefined
  }
  return new Map(
    Array.from(usersOf(plan), ([buffer, steps]) => {
      const ways = new Set(Array.from(steps, wayOf))
      return [buffer, ways.size === 1 ? [...ways][0] : undefined]
    }),
  )
}

/** The regions of scratch arrays: one for each entry of the dispatch whose rows have the array for themselves. */
function scratchRegions(
  plan: Plan,
  kernel: Kernel,
  tiles: ReadonlyMap<Rows, Tile>,
  fours: ReadonlyMap<Rows, Fours>,
  region: (buffer: Buffer, copies: Region["copies"]) => number,
): Layout["scratch"] {
  const out = new Map<Buffer, { regions: (number | undefined)[]; inThread: boolean }>()
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
    const regions: (number | undefined)[] = [
      region(buffer, { kind: "threads", dispatch, entry: 0 }),
      region(buffer, { kind, dispatch, entry: 1 }),
    ]
    const tile = tiles.get(step)
    if (tile) regions[2] = region(buffer, { kind, dispatch, entry: 2 })
    if (fours.has(step)) regions[3] = region(buffer, { kind, dispatch, entry: 3 })
    out.set(buffer, { regions, inThread })
    for (const copy of tile?.copies.get(buffer) ?? [])
      out.set(copy, { regions: [region(copy, { kind, dispatch, entry: 2 })], inThread })
  }
  return out
}
