// A GPUDevice for tests that runs shaders in this process, the invocations of a workgroup in lockstep from barrier to barrier.
//
// A place that two invocations touch, one of them writing, with no barrier of its kind of memory in between, is a race; so is a
// place of a buffer that two workgroups of a dispatch touch. Whatever order a real device takes, it then gives the same numbers.
import type { GpuBuffer, GpuCommandEncoder, GpuDevice } from "../../src/run/gpu-device.ts"
import { type Script, wgslScript } from "./wgsl-script.ts"

class Memory implements GpuBuffer {
  readonly bytes: ArrayBuffer
  readonly usage: number

  constructor({ size, usage }: { readonly size: number; readonly usage: number }) {
    this.bytes = new ArrayBuffer(size)
    this.usage = usage
  }

  get size(): number {
    return this.bytes.byteLength
  }

  mapAsync(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  getMappedRange(offset = 0, size = this.size - offset): ArrayBuffer {
    return offset === 0 && size === this.size ? this.bytes : this.bytes.slice(offset, offset + size)
  }

  unmap(): void {}
  destroy(): void {}
}

interface Bound {
  readonly binding: number
  readonly resource: { readonly buffer: Memory; readonly offset?: number; readonly size?: number }
}

/** Who touched a place: the last writer, and a reader, or several. */
interface Touched {
  writer: number
  reader: number
}
const NOBODY = -1
const SEVERAL = -2

/** The places that were touched since a barrier. */
class Phase {
  private readonly places = new Map<string, Touched>()

  /** Whether somebody else's touch is unordered with this one. */
  conflicts(place: string, who: number, writes: boolean): boolean {
    let touched = this.places.get(place)
    if (!touched) this.places.set(place, (touched = { writer: NOBODY, reader: NOBODY }))
    const other = (x: number): boolean => x !== NOBODY && x !== who
    const found = other(touched.writer) || (writes && other(touched.reader))
    if (writes) touched.writer = who
    else touched.reader = other(touched.reader) ? SEVERAL : who
    return found
  }

  end(): void {
    this.places.clear()
  }
}

type Space = "workgroup" | "storage"
type Numbers = Float32Array | Int32Array | Uint32Array
interface Invocation {
  readonly local: number
  readonly workgroup_id: { readonly x: number }
  readonly num_workgroups: { readonly x: number }
  readonly local_invocation_index: number
  exchange?: Exchange
}
type EntryPoint = (invocation: object) => Iterator<Space | "subgroup", void> | undefined

/** What an invocation gives to its subgroup, and then what it gets. */
interface Exchange {
  readonly name: string
  readonly type: string
  x: number | boolean
}

/** Which subgroup of a workgroup an invocation is in. */
export type Subgroups = (local: number) => number

const combinations: Readonly<Record<string, (x: number, y: number) => number>> = {
  subgroupAdd: (x, y) => x + y,
  subgroupMul: (x, y) => x * y,
  subgroupMax: Math.max,
  subgroupMin: Math.min,
  subgroupAny: Math.max,
  subgroupAll: Math.min,
}

/** Gives to all invocations what those of their subgroup gave, combined. */
function exchanged(all: readonly { exchange?: Exchange }[], subgroups: Subgroups): void {
  const groups = new Map<number, Exchange[]>()
  all.forEach(({ exchange }, local) => {
    const group = subgroups(local)
    groups.set(group, [...(groups.get(group) ?? []), exchange!])
  })
  for (const group of groups.values()) {
    const { name, type } = group[0]!
    const whole = group
      .map(({ x }) => Number(x))
      .reduce((x, y) => (type === "f32" ? Math.fround : Math.trunc)(combinations[name]!(x, y)))
    for (const one of group) one.x = type === "bool" ? whole !== 0 : whole
  }
}

const arrayTypes = {
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
  bool: Uint32Array,
}

const part = ({ buffer, offset = 0, size = buffer.size - offset }: Bound["resource"]): ArrayBuffer =>
  buffer.bytes.slice(offset, offset + size)

/** Runs a dispatch; what is wrong with it is said to `complain`. */
function dispatch(
  script: Script,
  entry: string,
  workgroups: number,
  bound: readonly Bound[],
  complain: (fault: string) => void,
  subgroups: Subgroups,
): void {
  const arrays = new Map<string, Numbers>()
  const uniform: Record<string, number> = {}
  for (const { binding, resource } of bound) {
    const variables = script.bindings.get(binding)
    if (variables) {
      const { buffer, offset = 0, size = buffer.size - offset } = resource
      for (const { name, element, isVectors } of variables) {
        const length = isVectors ? 4 * Math.floor(size / 16) : Math.floor(size / 4)
        arrays.set(name, new arrayTypes[element](buffer.bytes, offset, length))
      }
    } else {
      const words = new DataView(part(resource))
      script.uniform.forEach(({ name, type }, i) => {
        uniform[name] = type === "f32" ? words.getFloat32(4 * i, true) : words.getInt32(4 * i, true)
      })
    }
  }
  const among = new Phase()
  const within: Readonly<Record<Space, Phase>> = { workgroup: new Phase(), storage: new Phase() }
  const spaceOf = (name: string): Space =>
    script.shared.some((x) => x.name === name) ? "workgroup" : "storage"
  const touch = (who: Invocation, name: string, at: number, writes: boolean): Numbers => {
    const list = arrays.get(name)
    if (!list) throw new Error(`${entry} touches ${name}, which is not bound`)
    if (!(at >= 0 && at < list.length)) complain(`${entry} touches ${name}[${at}] of ${list.length}`)
    const space = spaceOf(name)
    const place = `${name}[${at}]`
    if (within[space].conflicts(place, who.local, writes))
      complain(`${entry}: a race of the invocations of a workgroup at ${place}`)
    if (space === "storage" && among.conflicts(place, who.workgroup_id.x, writes))
      complain(`${entry}: a race of workgroups at ${place}`)
    return list
  }
  const get = (who: Invocation, name: string, at: number): number => touch(who, name, at, false)[at]!
  const set = (who: Invocation, name: string, at: number, x: number): void =>
    void (touch(who, name, at, true)[at] = x)
  const length = (name: string): number => arrays.get(name)!.length
  const make = new Function("$get", "$set", "$length", "u", script.text)
  const run = (make(get, set, length, uniform) as Record<string, EntryPoint>)[entry]!
  for (let x = 0; x < workgroups; x++) {
    for (const { name, element, length } of script.shared)
      arrays.set(name, new arrayTypes[element](new ArrayBuffer(4 * length)))
    const privates = Object.fromEntries(
      [...script.privates].map(([name, type]) => [name, type === "bool" ? false : 0]),
    )
    const invocations = Array.from({ length: script.workgroupSize }, (_, local): Invocation => ({
      ...privates,
      local,
      workgroup_id: { x },
      num_workgroups: { x: workgroups },
      local_invocation_index: local,
    }))
    const waiting = invocations.map((one) => run(one))
    for (const phase of Object.values(within)) phase.end()
    for (;;) {
      const steps = waiting.map((one) => one?.next())
      const kinds = new Set(steps.map((step) => (step && !step.done ? step.value : undefined)))
      if (kinds.size > 1) complain(`${entry}: a barrier that some invocations do not reach`)
      const [kind] = kinds
      if (kind === undefined || kinds.size > 1) break
      if (kind === "subgroup") exchanged(invocations, subgroups)
      else within[kind].end()
    }
  }
}

/**
 * A device, what was found wrong while shaders ran on it, and which entry points ran. `edit` changes the shaders. With `subgroups`
 * the device has that feature.
 */
export function lockstepDevice(
  edit = (shader: string): string => shader,
  subgroups?: Subgroups,
): {
  readonly device: GpuDevice
  readonly faults: ReadonlySet<string>
  readonly ran: ReadonlySet<string>
} {
  const faults = new Set<string>()
  const ran = new Set<string>()
  const bytes = (buffer: object, offset = 0, size = (buffer as Memory).size - offset): Uint8Array =>
    new Uint8Array((buffer as Memory).bytes, offset, size)
  const encoder = (): GpuCommandEncoder => {
    const commands: (() => void)[] = []
    return {
      beginComputePass() {
        let pipeline: { readonly script: Script; readonly entry: string }
        let group: readonly Bound[]
        return {
          setPipeline: (x) => void (pipeline = x as typeof pipeline),
          setBindGroup: (_, x) => void (group = x as readonly Bound[]),
          dispatchWorkgroups(x) {
            const [{ script, entry }, bound] = [pipeline, group]
            commands.push(() => {
              ran.add(entry)
              const complain = (fault: string): void => void faults.add(fault)
              dispatch(script, entry, x, bound, complain, subgroups ?? (() => 0))
            })
          },
          end() {},
        }
      },
      clearBuffer: (buffer) => void commands.push(() => bytes(buffer).fill(0)),
      copyBufferToBuffer: (from, fromOffset, to, toOffset, size) =>
        void commands.push(() => bytes(to, toOffset, size).set(bytes(from, fromOffset, size))),
      finish: () => commands,
    }
  }
  const pipelineOf = (descriptor: object): object => {
    const { compute } = descriptor as { compute: { module: { script: Script }; entryPoint: string } }
    return { script: compute.module.script, entry: compute.entryPoint }
  }
  const device: GpuDevice = {
    features: new Set(subgroups ? ["subgroups"] : []),
    limits: {
      maxStorageBufferBindingSize: 2 ** 27,
      maxBufferSize: 2 ** 28,
      maxComputeWorkgroupsPerDimension: 65535,
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupSizeX: 256,
      maxComputeWorkgroupStorageSize: 16384,
      maxStorageBuffersPerShaderStage: 8,
      minStorageBufferOffsetAlignment: 256,
    },
    lost: new Promise(() => {}),
    queue: {
      submit: (list) => {
        for (const commands of list) for (const run of commands as readonly (() => void)[]) run()
      },
      writeBuffer: (buffer, offset, data, from, size) =>
        bytes(buffer, offset, size).set(new Uint8Array(data, from, size)),
    },
    createBuffer: (descriptor) => new Memory(descriptor),
    createShaderModule: ({ code }) => ({ script: wgslScript(edit(code)) }),
    createBindGroupLayout: (x) => x,
    createPipelineLayout: (x) => x,
    createComputePipeline: pipelineOf,
    createComputePipelineAsync: (x) => Promise.resolve(pipelineOf(x)),
    createBindGroup: (x) => (x as { entries: readonly unknown[] }).entries.map(boundOf),
    createCommandEncoder: encoder,
    pushErrorScope() {},
    popErrorScope: () => Promise.resolve(null),
  }
  return { device, faults, ran }
}

function boundOf(entry: unknown): Bound {
  const { binding, resource } = entry as { binding: number; resource: Memory | Bound["resource"] }
  return { binding, resource: resource instanceof Memory ? { buffer: resource } : resource }
}
