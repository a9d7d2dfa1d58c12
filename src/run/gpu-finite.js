// @ts-check
// Searches arrays on a device for numbers that are not finite.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
/** @import { GpuBuffer, GpuCommandEncoder, GpuDevice } from "./gpu-device.ts" */
/** @import { Part } from "./gpu-buffers.js" */

// What is found is the largest distance of such a number from the end of its array: 0 if there is none.
const scanShader = `
@group(0) @binding(0) var<storage, read> data: array<u32>;
@group(0) @binding(1) var<storage, read_write> found: atomic<u32>;
@compute @workgroup_size(64)
fn scan(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let length = arrayLength(&data);
  var distance = 0u;
  for (var i = id.x; i < length; i += groups.x * 64u) {
    if ((data[i] & 0x7f800000u) == 0x7f800000u) { distance = max(distance, length - i); }
  }
  if (distance > 0u) { atomicMax(&found, distance); }
}
`

/** The pipeline that searches, and the words that it writes. */
export class Scan {
  /** @type {object | undefined} */
  #pipeline
  /** @type {object | undefined} */
  #layout
  /** @type {GpuBuffer | undefined} */
  #found

  /** @param {GpuDevice} device */
  constructor(device) {
    this.device = device
  }

  /** @param {number} count how many arrays there are at most */
  #make(count) {
    const { device } = this
    const storage = 128
    const copies = 4 | 8
    const size = count * device.limits.minStorageBufferOffsetAlignment
    // Commands of a caller may hold one that is too small.
    if (!this.#found || this.#found.size < size)
      this.#found = device.createBuffer({ size, usage: storage | copies })
    this.#layout ??= device.createBindGroupLayout({
      entries: ["read-only-storage", "storage"].map((type, binding) => ({
        binding,
        visibility: 4,
        buffer: { type },
      })),
    })
    this.#pipeline ??= device.createComputePipeline({
      layout: device.createPipelineLayout({ bindGroupLayouts: [this.#layout] }),
      compute: { module: device.createShaderModule({ code: scanShader }), entryPoint: "scan" },
    })
    return { found: this.#found, pipeline: this.#pipeline, layout: this.#layout }
  }

  /**
   * Records a search of each array, and copies what is found for each into consecutive words of a buffer.
   * @param {GpuCommandEncoder} encoder
   * @param {readonly Part[]} arrays
   * @param {GpuBuffer} to
   * @param {number} offset in bytes
   */
  record(encoder, arrays, to, offset) {
    const { device } = this
    const { found, pipeline, layout } = this.#make(arrays.length)
    const step = device.limits.minStorageBufferOffsetAlignment
    encoder.clearBuffer(found)
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    arrays.forEach((array, k) => {
      if (array.size === 0) return
      const resource = { buffer: found, offset: k * step, size: 4 }
      const entries = [
        { binding: 0, resource: array },
        { binding: 1, resource },
      ]
      pass.setBindGroup(0, /** @type {never} */ (device.createBindGroup({ layout, entries })))
      pass.dispatchWorkgroups(Math.max(1, Math.min(Math.ceil(array.size / 256), 1024)))
    })
    pass.end()
    arrays.forEach((_, k) => encoder.copyBufferToBuffer(found, k * step, to, offset + k * 4, 4))
  }

  /** Gives the memory back. */
  destroy() {
    this.#found?.destroy()
  }
}
