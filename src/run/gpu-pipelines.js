// @ts-check
// What the entry points of a shader are compiled to, each when a call first needs it.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
/** @import { EntryPlace, GpuProgram } from "../gpu/program.ts" */
/** @import { GpuDevice } from "./gpu-device.ts" */
/** @import { Guard } from "./gpu-guard.js" */
/** @import { Layout } from "./gpu-layout.js" */

/**
 * How a dispatch runs by one of its entries.
 * @typedef {{ readonly bindings: readonly number[], readonly layout: object, readonly descriptor: object, pipeline: object | undefined, coming: Promise<object> | undefined }} Way
 */

const compute = 4

/** The pipelines of one program. */
export class Pipelines {
  /** @type {Promise<void> | undefined} */
  #preparing
  /** @type {object | undefined} */
  #module
  /** @type {Map<number, Way>} by dispatch and entry */
  #ways = new Map()

  /**
   * @param {GpuDevice} device
   * @param {GpuProgram} program
   * @param {Guard} guard
   */
  constructor(device, program, guard) {
    this.device = device
    this.program = program
    this.guard = guard
  }

  /** Reads the shader, once. What its entry points are compiled to is made when a call first needs it. */
  prepare() {
    return (this.#preparing ??= this.#prepare())
  }

  async #prepare() {
    this.guard.check()
    await this.guard.run(() => {
      this.#module = this.device.createShaderModule({ code: textFor(this.device, this.program) })
    })
    this.guard.check()
  }

  /**
   * How each part of a call runs.
   * @param {Layout} layout
   */
  waysOf({ runs }) {
    return runs.map(({ dispatch, entry }) => {
      const key = dispatch * 4 + entry
      const way = this.#ways.get(key) ?? this.#way(dispatch, entry)
      this.#ways.set(key, way)
      return way
    })
  }

  /**
   * @param {number} dispatch
   * @param {EntryPlace} entry
   * @returns {Way}
   */
  #way(dispatch, entry) {
    const { device, program } = this
    const chosen = program.dispatches[dispatch]?.entries[entry]
    if (!chosen) throw new Error(`dispatch ${dispatch} has no entry ${entry}`)
    const written = new Set(program.outputs.map(({ place }) => ("binding" in place ? place.binding : -1)))
    const typeOf = (/** @type {number} */ binding) =>
      binding === 0 ? "uniform" : binding === 1 || written.has(binding) ? "storage" : "read-only-storage"
    const all = [0, 1, ...chosen.bindings]
    const layout = device.createBindGroupLayout({
      entries: all.map((binding) => ({ binding, visibility: compute, buffer: { type: typeOf(binding) } })),
    })
    const descriptor = {
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: this.#module, entryPoint: chosen.name },
    }
    return { bindings: all, layout, descriptor, pipeline: undefined, coming: undefined }
  }

  /**
   * Whether a call needs nothing that is not compiled.
   * @param {Layout} layout
   */
  isReady(layout) {
    return this.#module !== undefined && this.waysOf(layout).every(({ pipeline }) => pipeline)
  }

  /**
   * Compiles what a call needs and no call before needed.
   * @param {Layout} layout
   */
  async compile(layout) {
    await this.prepare()
    const [made] = await this.guard.run(() => {
      const all = this.waysOf(layout).map((way) => {
        way.coming ??= this.device.createComputePipelineAsync(way.descriptor)
        return way.coming.then((pipeline) => {
          way.pipeline = pipeline
        })
      })
      // Another fault may come first: it must not leave this one unhandled.
      return [Promise.all(all).catch((error) => error)]
    })
    const result = await made
    if (result instanceof Error) throw await this.guard.fault(result)
    this.guard.check()
  }

  /**
   * The same at once.
   * @param {Layout} layout
   */
  compileNow(layout) {
    for (const way of this.waysOf(layout)) way.pipeline ??= this.device.createComputePipeline(way.descriptor)
  }
}

/**
 * The text of the shader for a device.
 * @param {Pick<GpuDevice, "features">} device
 * @param {GpuProgram} program
 */
export function textFor(device, { shader, subgroups }) {
  if (!subgroups || !device.features?.has("subgroups")) return shader
  return `enable subgroups;\n${shader.replace(subgroups.instead, () => subgroups.text)}`
}
